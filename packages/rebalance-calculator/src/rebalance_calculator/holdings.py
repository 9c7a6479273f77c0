"""What of an account may be managed: long stocks in the base currency, and cash.

In: the broker's snapshot.  Out: managed shares, positions that are left alone with the reason, and
the cash that belongs to the plan.  Never converts currencies: what cannot be valued in the base
currency is not part of the plan.

A position that is left alone and worth something is simply outside: targets are fractions of the
rest.  One that is owed (a short, a written option) sets cash aside: its proceeds are not spendable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base.models import AccountPosition, AccountSnapshot

from .allocations import Targets
from .errors import SnapshotError
from .models import ReasonCode
from .policy import PlanPolicy
from .quotes import Market
from .symbols import normal_symbol

#: Security types whose market value is exposure, not a part of net liquidation (TWS API, SecType).
_EXPOSURE_ONLY = frozenset({"CASH", "CFD", "FUT"})


@dataclass(frozen=True, kw_only=True)
class LeftAlone:
    """A position that no plan touches; `value` is None when unknown in the base currency."""

    symbol: str
    quantity: Decimal
    value: Decimal | None
    code: ReasonCode
    reason: str


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """The positions of a snapshot, sorted by what may be done with them."""

    #: Managed long stock, shares by symbol.
    shares: Mapping[str, Decimal]
    #: The broker's own value of each managed holding, None where it gave none.
    broker_values: Mapping[str, Decimal | None]
    left_alone: tuple[LeftAlone, ...]


def sort_positions(snapshot: AccountSnapshot, targets: Targets) -> Holdings:
    """Split the positions; raises SnapshotError for what makes planning unsafe."""
    if snapshot.total_value <= 0:
        raise SnapshotError(
            f"account {snapshot.account_id} reports a net liquidation of {snapshot.total_value:f}; "
            "it must be positive"
        )
    shares: dict[str, Decimal] = {}
    values: dict[str, Decimal | None] = {}
    left_alone = []
    for position in snapshot.positions:
        if not position.quantity:
            continue
        symbol = normal_symbol(position.symbol)
        unmanaged = _left_alone(symbol, position, snapshot.currency)
        if unmanaged is None:
            if symbol in shares:
                raise SnapshotError(f"account {snapshot.account_id} reports {symbol} twice")
            shares[symbol], values[symbol] = position.quantity, position.market_value
            continue
        if unmanaged.code is ReasonCode.FOREIGN_CURRENCY and targets.weights.get(symbol):
            raise SnapshotError(
                f"{symbol} is in the allocation but is held in {position.currency}; only "
                f"{snapshot.currency} holdings are traded"
            )
        left_alone.append(unmanaged)
    return Holdings(shares=shares, broker_values=values, left_alone=tuple(left_alone))


def _left_alone(symbol: str, position: AccountPosition, currency: str) -> LeftAlone | None:
    value = position.market_value
    if position.security_type != "STK":
        code = ReasonCode.NOT_A_STOCK
        reason = f"{position.security_type} position of {position.quantity:f} is left alone"
        if position.security_type in _EXPOSURE_ONLY:
            value = None
    elif position.currency != currency:
        code = ReasonCode.FOREIGN_CURRENCY
        reason = f"{position.quantity:f} shares in {position.currency} are left alone"
    elif position.quantity < 0:
        code = ReasonCode.SHORT
        reason = f"short {-position.quantity:f} shares, left alone; cash is set aside to cover them"
    else:
        return None
    if position.currency != currency:
        value = None
    return LeftAlone(
        symbol=symbol, quantity=position.quantity, value=value, code=code, reason=reason
    )


def managed_cash(
    snapshot: AccountSnapshot,
    holdings: Holdings,
    markets: Mapping[str, Market],
    policy: PlanPolicy,
) -> Decimal:
    """Cash that belongs to the plan, negative when borrowed.

    Cash in other currencies is not in it, and what is owed on positions left alone is taken off.
    Raises SnapshotError when positions and cash do not explain net liquidation.
    """
    unexplained = snapshot.total_value - snapshot.cash_balance
    for symbol, value in holdings.broker_values.items():
        unexplained -= holdings.shares[symbol] * markets[symbol].mid if value is None else value
    owed = Decimal(0)
    for position in holdings.left_alone:
        unexplained -= position.value or 0
        owed -= min(position.value or Decimal(0), Decimal(0))
    if any(position.value is None for position in holdings.left_alone):
        owed -= min(unexplained, Decimal(0))
    elif abs(unexplained) > snapshot.total_value * policy.snapshot_tolerance_percent / 100:
        raise SnapshotError(
            f"account {snapshot.account_id} reports a net liquidation of {snapshot.total_value:,f} "
            f"but its positions and cash add up to {snapshot.total_value - unexplained:,f}; the "
            f"difference is over {policy.snapshot_tolerance_percent:f} %"
        )
    return min(snapshot.cash_balance, snapshot.own_cash) - owed
