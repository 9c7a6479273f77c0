"""Parts of requests: what a name, an id or a text may look like before anybody looks it up.

Strict, because some of it reaches a database: PostgreSQL takes no NUL in a text and no NaN in JSON,
and half of a surrogate pair can be written nowhere.
"""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, JsonValue

from app.events import MAX_NESTING, is_nested_too_deeply
from app.switches import ACCOUNT_PATTERN

_RUN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
#: More would not fit PostgreSQL's integer.
MAX_NUMBER = 2**31 - 1

AccountInPath = Annotated[str, Path(alias="account_id", pattern=ACCOUNT_PATTERN)]
AccountInQuery = Annotated[str | None, Query(alias="account_id", pattern=ACCOUNT_PATTERN)]
EventInPath = Annotated[UUID, Path(alias="event_id")]
RunInPath = Annotated[str, Path(alias="run_id", pattern=_RUN)]
GapInPath = Annotated[int, Path(alias="gap_id", ge=1, le=MAX_NUMBER)]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many, the newest")]


def _shallow(data: object) -> object:
    if is_nested_too_deeply(data):
        raise ValueError(f"a document has at most {MAX_NESTING} levels")
    return data


def _storable(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _check(data)
    return data


def _check(value: JsonValue) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a NUL character cannot be stored")
        if _SURROGATE.search(value):
            raise ValueError("half of a surrogate pair is no character")
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError("NaN and infinity are not JSON")
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key)
            _check(item)


JsonDocument = Annotated[dict[str, JsonValue], BeforeValidator(_shallow), AfterValidator(_storable)]
"""An object of JSON that every engine of the store keeps word for word, and that can be shown."""
