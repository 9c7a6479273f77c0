"""Where target allocations come from: the protocol, its one error, and the format of an answer.

Comes in: the bytes of an allocation answer (HTTP body or file). Goes out: a `TargetAllocation`
with the weights exactly as published. Whether the weights make sense (sum, sign, duplicates) is
the calculator's question; nothing here repairs, rounds or renames.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal, Protocol

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from broker_connector_base.models import AllocationItem
from broker_connector_base.values import Number, Value

#: Starts with a letter or digit and holds no separator, so it can be a URL segment or a file name.
_STRATEGY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class TargetAllocation(Value):
    """What a strategy wants an account to hold; weights are fractions of the invested value."""

    strategy: str
    items: tuple[AllocationItem, ...]
    #: Address or file the weights were read from; holds no secret.
    source: str
    #: The day the publisher says the weights are for, in the publisher's own words.
    as_of: str | None = None
    last_rebalance_on: str | None = None
    name: str | None = None
    long_name: str | None = None
    #: What replacements changed in the published weights, for people.
    notes: tuple[str, ...] = ()


class SourceFault(StrEnum):
    """What went wrong with an allocation source."""

    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not found"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    BAD_NAME = "bad strategy name"


_RETRYABLE = frozenset({SourceFault.UNAVAILABLE, SourceFault.TIMEOUT})


class AllocationSourceError(Exception):
    """No allocation could be read; nothing was sent to the broker.

    `fault` says what happened; `retryable` whether asking again may help.
    """

    def __init__(self, fault: SourceFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault

    @property
    def retryable(self) -> bool:
        """True for a timeout, a lost connection or a server fault."""
        return self.fault in _RETRYABLE


class AllocationSource(Protocol):
    """Anything that can be asked for a strategy's target allocation."""

    async def fetch(self, strategy_name: str) -> TargetAllocation:
        """The allocation of one strategy as published; raises `AllocationSourceError`."""
        ...


def check_strategy_name(name: str) -> str:
    """The name itself; `AllocationSourceError` if it could step out of its URL or directory."""
    if _STRATEGY_NAME.fullmatch(name):
        return name
    raise AllocationSourceError(
        SourceFault.BAD_NAME,
        f"strategy name {name[:40]!r} is not allowed: use letters, digits, '.', '_' and '-', "
        "starting with a letter or digit",
    )


class _Line(BaseModel):
    symbol: str = Field(min_length=1, validation_alias=AliasChoices("symbol", "ticker"))
    allocation: Number


class _Data(BaseModel):
    allocations: list[_Line]
    name: str | None = None
    strategy_long_name: str | None = None
    last_rebalance_on: str | None = None
    as_of: str | None = None


class _Answer(BaseModel):
    """The allocation API's envelope; keys that are not listed are the publisher's own business."""

    status: Literal["success"]
    data: _Data


def parse_allocation(body: bytes, *, strategy: str, source: str) -> TargetAllocation:
    """Read an answer in the allocation API's format.

    Raises `AllocationSourceError` (MALFORMED) naming the first offending field.
    """
    try:
        data = _Answer.model_validate_json(body).data
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise AllocationSourceError(
            SourceFault.MALFORMED,
            f"allocations of {strategy} from {source} cannot be used: {where}: {first['msg']}",
        ) from None
    return TargetAllocation(
        strategy=strategy,
        items=tuple(
            AllocationItem(symbol=line.symbol, allocation=line.allocation)
            for line in data.allocations
        ),
        source=source,
        as_of=data.as_of,
        last_rebalance_on=data.last_rebalance_on,
        name=data.name,
        long_name=data.strategy_long_name,
    )
