"""Values to JSON and back, driven by their type annotations.

Comes in: dataclasses of decimals, times, enumerations and containers of these. Goes out: what the
json module can write, and from that equal values again. Never: a decimal as a float, a guess.
"""

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from .errors import StateError

T = TypeVar("T")


def encode(value: Any) -> Any:
    """JSON-able form of a value. Raises TypeError for what could not be read back."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(encode(key)): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be saved: {value!r}")


def decode(kind: type[T], raw: Any, where: str) -> T:
    """The value of type `kind` that `encode` wrote as `raw`.

    Raises `StateError` naming the place (`where` and the path from there) that does not fit.
    """
    try:
        return cast(T, _decode(kind, raw, where))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as error:
        raise StateError(f"{where} cannot be read: {error!r}; nothing was loaded") from error


def _decode(kind: Any, raw: Any, where: str) -> Any:
    if kind is Any:
        return raw
    if kind is Hashable:
        return _tag(raw)
    if reader := _SCALARS.get(kind):
        return reader(raw)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if raw is None else _decode(_without_none(arguments), raw, where)
    if origin is dict:
        key, item = arguments
        key_of = _key_reader(key)
        return {key_of(k): _decode(item, v, f"{where}.{k}") for k, v in raw.items()}
    if origin in (list, tuple):
        return origin(_decode(arguments[0], item, f"{where}[{n}]") for n, item in enumerate(raw))
    if is_dataclass(kind):
        return _decode_dataclass(cast(type, kind), raw, where)
    return kind(raw)


def _decode_dataclass(kind: type, raw: Any, where: str) -> Any:
    types = _field_types(kind)
    if not isinstance(raw, dict) or raw.keys() != types.keys():
        found = sorted(raw) if isinstance(raw, dict) else type(raw).__name__
        raise StateError(f"{where} should have {sorted(types)}, it has {found}; nothing was loaded")
    return kind(**{name: _decode(types[name], raw[name], f"{where}.{name}") for name in types})


@cache
def _field_types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _without_none(arguments: tuple[Any, ...]) -> Any:
    (kind,) = (argument for argument in arguments if argument is not NoneType)
    return kind


def _key_reader(kind: Any) -> Callable[[str], Any]:
    return cast(Callable[[str], Any], int if kind is int else kind)


def _tag(raw: Any) -> Any:
    """An owner's tag: JSON knows no tuples, so a list was one."""
    return tuple(_tag(item) for item in raw) if isinstance(raw, list) else raw


def _plain(kind: type) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if type(raw) is not kind:
            raise TypeError(f"{raw!r} is not {kind.__name__}")
        return raw

    return read


def _text(reader: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(raw: Any) -> Any:
        if not isinstance(raw, str):
            raise TypeError(f"{raw!r} is not a string")
        return reader(raw)

    return read


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    bool: _plain(bool),
    int: _plain(int),
    float: float,
    str: _plain(str),
    Decimal: _text(Decimal),
    datetime: _text(datetime.fromisoformat),
    date: _text(date.fromisoformat),
    time: _text(time.fromisoformat),
}
