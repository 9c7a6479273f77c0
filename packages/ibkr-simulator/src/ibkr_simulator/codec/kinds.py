"""Kinds of field: how one value is read from its text and written as text.

Numbers with a fraction are `Decimal`, never float. A kind either has a value for "nothing given"
(0, False, "") or knows `None`; clients write "unset" as an empty text or as the largest number of
the type, so both are read as unset. Anything else that is not of the kind raises `ValueError`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

UNSET_INT = 2147483647
UNSET_LONG = 9223372036854775807
UNSET_DOUBLE = "1.7976931348623157E308"

_UNSET = Decimal(UNSET_DOUBLE)
_ZERO = Decimal(0)
_INFINITY = Decimal("Infinity")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_INFINITE_TEXTS = frozenset({"Infinite", "Infinity", "inf"})
_NEEDS_ESCAPE = re.compile(r"[^\x20-\x5b\x5d-\x7e]")
#: More digits than Decimal arithmetic gives; bounds what one number can cost.
_MAX_NUMBER_TEXT = 64


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to read and write a field; `default` stands for a value not given."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    default: Any


class Verbatim(str):
    """A text that is written as it stands, whatever kind its field is of: what no healthy gateway
    sends, and faults do."""

    __slots__ = ()


def _verbatim(value: Any, what: str) -> str:
    """The text itself. Raises `ValueError` for anything else, which should have been `what`."""
    if type(value) is Verbatim:
        return value
    raise ValueError(f"{value!r} is not {what}")


def _read_integer(text: str, largest: int) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a whole number")
    value = int(text)
    if not -largest - 1 <= value <= largest:
        raise ValueError(f"{text} is out of range")
    return value


@lru_cache(maxsize=4096)
def _read_int(text: str) -> int:
    return _read_integer(text, UNSET_INT) if text else 0


def _read_long(text: str) -> int:
    return _read_integer(text, UNSET_LONG) if text else 0


def _read_optional_int(text: str) -> int | None:
    value = _read_int(text) if text else None
    return None if value == UNSET_INT else value


def _read_optional_long(text: str) -> int | None:
    value = _read_long(text) if text else None
    return None if value == UNSET_LONG else value


def _write_int(value: Any) -> str:
    return str(value) if type(value) is int else _verbatim(value, "an int")


@lru_cache(maxsize=4096)
def _read_optional_decimal(text: str) -> Decimal | None:
    if not text:
        return None
    if len(text) > _MAX_NUMBER_TEXT or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number")
    value = Decimal(text)
    if value.adjusted() > _UNSET.adjusted():
        raise ValueError(f"{text} is out of range")
    return None if value == _UNSET else value


def _read_decimal(text: str) -> Decimal:
    value = _read_optional_decimal(text)
    return _ZERO if value is None else value


def _read_limitless(text: str) -> Decimal | None:
    return _INFINITY if text in _INFINITE_TEXTS else _read_optional_decimal(text)


def _write_decimal(value: Any) -> str:
    if type(value) is int:
        return str(value)
    if type(value) is not Decimal or not value.is_finite():
        return _verbatim(value, "a finite Decimal")
    return str(value)


def _write_limitless(value: Any) -> str:
    # ib_async writes "Infinite" but reads only "Infinity".
    return "Infinity" if value == _INFINITY else _write_optional_decimal(value)


def _write_whole(value: Any) -> str:
    if type(value) is Decimal and value.is_finite():
        return str(int(value))
    return _write_int(value)


def _or_none(write: Callable[[Any], str], unset: str) -> Callable[[Any], str]:
    return lambda value: unset if value is None else write(value)


_write_optional_decimal = _or_none(_write_decimal, "")
_BOOLEANS = {"": False, "0": False, "1": True}


def _read_bool(text: str) -> bool:
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise ValueError(f"{text[:40]!r} is neither 0 nor 1") from None


def _read_optional_bool(text: str) -> bool | None:
    return _read_bool(text) if text else None


def _write_bool(value: Any) -> str:
    if value is True:
        return "1"
    if value is False:
        return "0"
    return _verbatim(value, "a bool")


def _write_text(value: Any) -> str:
    return value if type(value) is str else _verbatim(value, "a str")


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code == ord("\\"):
        return "\\\\"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _write_escaped(value: Any) -> str:
    return _NEEDS_ESCAPE.sub(_escape, _write_text(value))


def _read_escaped(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("unicode-escape")


def _read_tag_values(text: str) -> tuple[dict[str, str], ...]:
    pairs = (part.partition("=") for part in text.split(";") if part)
    return tuple({"tag": tag, "value": value} for tag, _, value in pairs)


def _write_tag_values(value: Sequence[Mapping[str, str]]) -> str:
    return "".join(f"{pair['tag']}={pair['value']};" for pair in value)


#: 32 and 64 bit whole numbers; empty reads as 0.
INT = Kind(_read_int, _write_int, 0)
LONG = Kind(_read_long, _write_int, 0)
#: Whole numbers that may be unset (None).
OPTIONAL_INT = Kind(_read_optional_int, _or_none(_write_int, ""), None)
OPTIONAL_LONG = Kind(_read_optional_long, _or_none(_write_int, str(UNSET_LONG)), None)
#: A number; empty reads as 0.
DECIMAL = Kind(_read_decimal, _write_decimal, _ZERO)
#: A number that may be unset (None), written as an empty text, as "0.0", or as the largest double.
OPTIONAL_DECIMAL = Kind(_read_optional_decimal, _write_optional_decimal, None)
DECIMAL_OR_ZERO = Kind(_read_optional_decimal, _or_none(_write_decimal, "0.0"), None)
DECIMAL_OR_MAX = Kind(_read_optional_decimal, _or_none(_write_decimal, UNSET_DOUBLE), None)
#: An optional number that may be without limit (`Decimal("Infinity")`).
LIMITLESS = Kind(_read_limitless, _write_limitless, None)
#: A quantity for clients that read only whole numbers; a fraction is cut off.
WHOLE = Kind(_read_decimal, _write_whole, _ZERO)
BOOL = Kind(_read_bool, _write_bool, False)
OPTIONAL_BOOL = Kind(_read_optional_bool, _or_none(_write_bool, ""), None)
TEXT = Kind(str, _write_text, "")
#: Text that clients pass through a unicode-escape decoder (contractDetails.longName).
ESCAPED_TEXT = Kind(_read_escaped, _write_escaped, "")
#: `tag=value;tag=value;` in one text; a tuple of {"tag", "value"}.
TAG_VALUES = Kind(_read_tag_values, _write_tag_values, ())


def one_of(*allowed: int) -> Kind:
    """A whole number out of a closed set, whose first member is the default."""

    def read(text: str) -> int:
        value = _read_int(text)
        if value not in allowed:
            raise ValueError(f"{text!r} is not one of {allowed}")
        return value

    return Kind(read, _write_int, allowed[0])
