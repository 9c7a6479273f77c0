"""Configuration files as text: bytes come in, text without surprises goes out."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import SettingsError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises FileNotFoundError, and `SettingsError` naming the line for what is not text.
    """
    try:
        data = path.read_bytes().removeprefix(_BYTE_ORDER_MARK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError([f"{path.name}: cannot be read: {error.strerror}"]) from error
    if found := _CONTROL.search(data):
        raise _not_text(path, data, found.start(), f"control character {found[0][0]:#04x}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        what = f"byte {data[error.start]:#04x} is not UTF-8"
        raise _not_text(path, data, error.start, what) from error


def _not_text(path: Path, data: bytes, position: int, what: str) -> SettingsError:
    line = data.count(b"\n", 0, position) + 1
    return SettingsError([f"{path.name}:{line}: not text: {what}; save the file as UTF-8"])
