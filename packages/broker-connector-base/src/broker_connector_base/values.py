"""The building blocks of every model: exact numbers and frozen, keyword-only values.

Decimals accept int, str, float and Decimal (a float by its shortest decimal form), are always
finite, and leave as JSON numbers. Times must carry a zone and are kept in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer


def _to_float(number: Decimal) -> float:
    # Nobody expects a zero with a sign.
    return float(number) or 0.0


Number = Annotated[Decimal, PlainSerializer(_to_float, return_type=float, when_used="json")]
"""A finite Decimal that JSON shows as a number."""

Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]


def _to_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware datetime, converted to UTC."""


class Value(BaseModel):
    """A frozen model that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
