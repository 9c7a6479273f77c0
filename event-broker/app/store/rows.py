"""Rows and values: the same names on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import Connection, RowMapping, Table, and_


class _Value(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar("V", bound=_Value)


def value_of(kind: type[V], row: RowMapping, **others: object) -> V:
    """The value with the row's columns of the same names; `others` take precedence."""
    names = (field.name for field in fields(kind))
    return kind(**{name: others[name] if name in others else row[name] for name in names})


def row_of(value: _Value) -> dict[str, Any]:
    """The columns of a value; what is in them is not copied."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def upsert(
    connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, Any]
) -> None:
    """Change the row of this key, or add it. Two that add it at once: one loses the race."""
    where = and_(*(table.c[name] == value for name, value in key.items()))
    changed = connection.execute(table.update().where(where).values(**values))
    if changed.rowcount == 0:
        connection.execute(table.insert().values(**key, **values))
