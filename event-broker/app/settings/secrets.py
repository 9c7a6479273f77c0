"""What of a secret setting must not be shown: all of it, and each part that opens a door alone.

A key `name:secret` is used up by its second half, an address by its password or its token, a list
of addresses by any of them; and each of these also as it is written inside an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlsplit


def spellings(value: str) -> tuple[str, ...]:
    """Everything to strike out for one value; the longest first, so that none hides another."""
    found = {spelling for part in _parts(value) for spelling in (part, quote(part, safe=""))}
    return tuple(sorted(found - {""}, key=lambda spelling: (-len(spelling), spelling)))


def _parts(value: str) -> Iterator[str]:
    yield value
    for word in re.split(r"[\s,]+", value):
        yield word
        address = urlsplit(word) if "://" in word else None
        if address is None:
            yield from word.split(":")[1:]
        elif address.password:
            yield from (address.password, unquote(address.password))
