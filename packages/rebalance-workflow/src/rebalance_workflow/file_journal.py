"""The run journal as files: `<directory>/<account>.jsonl`, one JSON record a line.

Comes in: records. Goes out: lines that are on the disk when `append` returns. A line torn by a
crash was never acted upon, so it is cut off by the next append and skipped by readers; any other
damage that is met stops the run. A file is only as durable as its name, so the name comes first: no
record is written to an empty file before its directory is synced.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from .file_names import safe_file_name
from .journal import RECORD, JournalError, OrderIntent, Record, RunFinished, unfinished


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileJournal:
    """A journal that survives crashes of the process and of the machine."""

    def __init__(
        self, directory: Path, *, sync_directory: Callable[[Path], None] = sync_directory
    ) -> None:
        self._directory = Path(directory)
        self._sync_directory = sync_directory

    def append(self, *records: Record) -> None:
        """Append and flush to the disk; records of one call belong to one account.

        Raises `JournalError` with the file as it was before, e.g. when the disk is full.
        """
        if not records:
            return
        path = self._path(records[0].account_id)
        lines = b"".join(RECORD.dump_json(record) + b"\n" for record in records)
        try:
            if not path.exists() or path.stat().st_size == 0:
                self._create(path)
            _write(path, lines)
        except OSError as error:
            raise JournalError(
                f"the run journal {path} cannot be written ({error.strerror}): "
                "no order is sent without it; free some space or fix the permissions"
            ) from error

    def history(self, account_id: str) -> list[Record]:
        """All records of the account, oldest first; `JournalError` when the file is damaged."""
        path = self._path(account_id)
        return [_parse(line, path, number) for number, line in enumerate(_lines(path), 1)]

    def unfinished(self, account_id: str) -> list[OrderIntent]:
        """Intents of the account that no outcome settles, oldest first."""
        return unfinished(self.recent(account_id))

    def put_away(self, account_id: str) -> None:
        """Give the account's file another name: another journal goes on from where it ended."""
        path = self._path(account_id)
        try:
            if path.exists():
                path.rename(path.with_name(f"{path.name}.{time.time_ns()}"))
                self._sync_directory(path.parent)
        except OSError as error:
            raise JournalError(
                f"the run journal {path} is continued elsewhere and cannot be moved away "
                f"({error.strerror}): move it away; no order was sent"
            ) from error

    def recent(self, account_id: str) -> list[Record]:
        """Records from the last run on that ended well: older ones need not cost time."""
        path = self._path(account_id)
        lines = _lines(path)
        recent: list[Record] = []
        for number in range(len(lines), 0, -1):
            record = _parse(lines[number - 1], path, number)
            recent.append(record)
            if isinstance(record, RunFinished) and record.is_clean:
                break
        return recent[::-1]

    def _create(self, path: Path) -> None:
        new = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        for folder in (path.parent, *(folder.parent for folder in new)):
            self._sync_directory(folder)

    def _path(self, account_id: str) -> Path:
        return self._directory / f"{safe_file_name(account_id)}.jsonl"


def _lines(path: Path) -> list[bytes]:
    """The whole lines of the file; a torn last one is not among them."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"the run journal {path} cannot be read ({error.strerror})") from error
    return lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines


def _parse(line: bytes, path: Path, number: int) -> Record:
    try:
        return RECORD.validate_json(line)
    except ValidationError:
        raise JournalError(
            f"the run journal {path} is damaged at line {number}: look at the account's orders at "
            "the broker, then move the file away"
        ) from None


def _write(path: Path, lines: bytes) -> None:
    with path.open("ab+", buffering=0) as file:
        end = _end_of_whole_lines(file.fileno(), file.tell())
        file.truncate(end)
        try:
            if file.write(lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _end_of_whole_lines(descriptor: int, size: int) -> int:
    """The offset after the last newline; the file's size unless its last line is torn."""
    end = size
    while end > 0:
        start = max(0, end - 4096)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
