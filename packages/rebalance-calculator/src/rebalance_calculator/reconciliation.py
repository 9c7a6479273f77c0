"""Did the account end where its fills should have taken it?

In: the account before, the fills since, the account after.  Out: expected and actual stock
positions and cash, and a verdict.  Never reads a broker and never decides what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from broker_connector_base.models import AccountSnapshot, Fill
from broker_connector_base.values import Number, Value

from .symbols import normal_symbol

_ZERO = Decimal(0)


class Verdict(StrEnum):
    MATCH = "match"
    MISMATCH = "mismatch"


class PositionCheck(Value):
    """One stock, in signed shares; `difference` is actual less expected."""

    symbol: str
    expected: Number
    actual: Number
    difference: Number


class Reconciliation(Value):
    """Expected against actual; cash is that in the account's base currency, without the worth of
    others where the broker tells it apart before or after, and the whole balance where not.
    """

    #: Every stock held before or after, or filled, by symbol.
    positions: tuple[PositionCheck, ...]
    expected_cash: Number
    actual_cash: Number
    cash_difference: Number
    #: What the fills brought in, negative for what they cost; the rest of the expected cash was
    #: there before them.
    cash_change: Number
    #: Fills whose commission is not known in the base currency: counted as free.
    unknown_commissions: int
    verdict: Verdict

    @property
    def mismatches(self) -> tuple[PositionCheck, ...]:
        return tuple(check for check in self.positions if check.difference)


def reconcile(
    before: AccountSnapshot,
    fills: Iterable[Fill],
    after: AccountSnapshot,
    *,
    cash_tolerance: Decimal = Decimal(1),
) -> Reconciliation:
    """Compare the account with what its fills explain.

    Fills of other accounts are ignored; a later fill with the same execution id replaces the
    earlier one. Cash may be off by `cash_tolerance` (commissions are rounded to cents, interest and
    dividends arrive); positions must match exactly.
    """
    own = {fill.execution_id: fill for fill in fills if fill.account_id == before.account_id}
    expected, actual = dict(_stocks(before)), _stocks(after)
    had, has = _comparable_cash(before, after)
    change, unknown = _ZERO, 0
    for fill in own.values():
        symbol = normal_symbol(fill.symbol)
        expected[symbol] = expected.get(symbol, _ZERO) + fill.quantity
        change -= fill.quantity * fill.price
        if fill.commission is None or fill.commission_currency not in (None, before.currency):
            unknown += 1
        else:
            change -= fill.commission
    checks = tuple(
        _check(symbol, expected.get(symbol, _ZERO), actual.get(symbol, _ZERO))
        for symbol in sorted(expected.keys() | actual.keys())
    )
    off = has - had - change
    matches = abs(off) <= cash_tolerance and not any(check.difference for check in checks)
    return Reconciliation(
        positions=checks,
        expected_cash=had + change,
        actual_cash=has,
        cash_difference=off,
        cash_change=change,
        unknown_commissions=unknown,
        verdict=Verdict.MATCH if matches else Verdict.MISMATCH,
    )


def _comparable_cash(before: AccountSnapshot, after: AccountSnapshot) -> tuple[Decimal, Decimal]:
    """`traded_cash`, and of both the same: other currencies may be listed in one of them only."""
    if before.has_other_cash or after.has_other_cash:
        return before.own_cash, after.own_cash
    return before.traded_cash, after.traded_cash


def _check(symbol: str, expected: Decimal, actual: Decimal) -> PositionCheck:
    return PositionCheck(
        symbol=symbol, expected=expected, actual=actual, difference=actual - expected
    )


def _stocks(snapshot: AccountSnapshot) -> Mapping[str, Decimal]:
    shares: dict[str, Decimal] = {}
    for position in snapshot.positions:
        if position.security_type == "STK":
            symbol = normal_symbol(position.symbol)
            shares[symbol] = shares.get(symbol, _ZERO) + position.quantity
    return shares
