"""Named replacement sets, as accounts refer to them.

Comes in: allocation lines and the name of a set. Goes out: the lines to trade on. The arithmetic is
the calculator's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from broker_connector_base.models import AllocationItem
from rebalance_calculator import (
    ReplacedAllocations,
    ReplacementError,
    ReplacementSet,
    apply_replacements,
)


class ReplacementService:
    """Looks replacement sets up by name and applies them."""

    def __init__(self, replacement_sets: Mapping[str, ReplacementSet]) -> None:
        self._sets = replacement_sets

    def apply_replacements(
        self, allocations: Sequence[AllocationItem], replacement_set: str | None
    ) -> list[AllocationItem]:
        """The lines of `replace`."""
        return list(self.replace(allocations, replacement_set).allocations)

    def replace(
        self, allocations: Sequence[AllocationItem], replacement_set: str | None
    ) -> ReplacedAllocations:
        """The lines with the named set applied, and what changed; None for no set changes nothing.

        Raises `ReplacementError` for an unknown name or a set that takes more than there is.
        """
        if replacement_set is None:
            return ReplacedAllocations(allocations=tuple(allocations), notes=())
        if replacement_set not in self._sets:
            known = ", ".join(sorted(self._sets)) or "none"
            raise ReplacementError(
                f"replacement set {replacement_set!r} does not exist; known sets: {known}"
            )
        return apply_replacements(allocations, self._sets[replacement_set])
