"""Rows and values: the same names on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, literal, select


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


def insert_unless(
    connection: Connection, table: Table, known: ColumnElement[bool], values: Mapping[str, Any]
) -> bool:
    """Add the row in one statement unless there is one as `known`; whether it was added.

    Two that add it at once: one loses the race.
    """
    given = [
        value if isinstance(value, ColumnElement) else literal(value, table.c[name].type)
        for name, value in values.items()
    ]
    new = table.insert().from_select(list(values), select(*given).where(~known))
    return connection.execute(new.returning(*table.primary_key)).one_or_none() is not None


def upsert(
    connection: Connection, table: Table, key: Mapping[str, object], values: Mapping[str, Any]
) -> bool:
    """Change the row of this key, or add it; True when it was added.

    Two that add it at once: one loses the race.
    """
    where = and_(*(table.c[name] == value for name, value in key.items()))
    if connection.execute(table.update().where(where).values(**values)).rowcount:
        return False
    connection.execute(table.insert().values(**key, **values))
    return True
