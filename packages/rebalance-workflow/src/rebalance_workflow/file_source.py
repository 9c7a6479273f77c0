"""Target allocations from a directory: `<strategy>.json` in the allocation API's own format.

It reads one small file per call and never writes, watches or caches.
"""

from __future__ import annotations

from pathlib import Path

from .allocation_sources import (
    AllocationSourceError,
    SourceFault,
    TargetAllocation,
    check_strategy_name,
    parse_allocation,
)


class FileAllocationSource:
    """Reads allocations of strategies from files in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = Path(directory)

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        """The allocation in `<directory>/<strategy>.json`; raises `AllocationSourceError`."""
        path = self._directory / f"{check_strategy_name(strategy_name)}.json"
        try:
            # A local file of a few hundred bytes: a thread would cost more than the read.
            body = path.read_bytes()
        except FileNotFoundError:
            raise AllocationSourceError(
                SourceFault.NOT_FOUND, f"no allocation file {path}: create it or fix the strategy"
            ) from None
        except OSError as error:
            raise AllocationSourceError(
                SourceFault.UNAVAILABLE, f"allocation file {path} cannot be read: {error.strerror}"
            ) from error
        return parse_allocation(body, strategy=strategy_name, source=str(path))
