"""Why a rebalance stopped.

Once an order may exist a run never raises: it ends with a `RunResult` that tells what was traded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broker_connector_base.models import Attention, Claim

from .journal import OrderIntent

Permit = Callable[[], None]
"""Asked before each order of a run; raises `PermitWithdrawn` when none may be sent any longer."""


def orders_in_doubt(intents: Iterable[OrderIntent]) -> Attention:
    """Nobody knows what became of these orders."""
    listed = list(intents)
    return Attention(
        claim=Claim.ORDERS_IN_DOUBT,
        symbols=tuple(sorted({intent.symbol for intent in listed})),
        orders=tuple(intent.client_order_id for intent in listed),
    )


def positions_unexplained(symbols: Iterable[str]) -> Attention:
    """The account does not hold of these what the known trades lead to."""
    return Attention(claim=Claim.POSITIONS_UNEXPLAINED, symbols=tuple(sorted(symbols)))


class PermitWithdrawn(Exception):
    """Whoever started the run may not trade the account any longer, for example because it was
    silent for so long that somebody else may have taken over. What was about to be sent was not.
    """


def always_permitted() -> None:
    """The permit of a run that nobody else can take over."""


class RebalanceStopped(Exception):
    """The account cannot be rebalanced as it is, and a person must act; no order was placed."""

    def __init__(self, message: str, attention: Attention) -> None:
        super().__init__(message)
        self.attention = attention
