"""The exact side of a plan: assets, legal sizes, cash and the objective, all in Decimal.

In: checked targets, holdings, markets and cash.  Out: what each asset may trade, and what any set
of trades costs and is worth.  Never searches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from .allocations import Targets
from .errors import SnapshotError
from .holdings import Holdings
from .models import ReasonCode
from .policy import PlanPolicy
from .quotes import Market

#: Signed shares by symbol; symbols that do not trade are absent.
Trades = Mapping[str, Decimal]

#: A weight this close inside the band's edge, in percentage points, still counts as inside.
BAND_EDGE = Decimal("1e-9")


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One managed or targeted stock; counts are in lots, prices per share."""

    symbol: str
    held: Decimal
    market: Market
    #: The price that buys are limited to.
    limit: Decimal
    lot: Decimal
    #: Value wanted, 0 for what is not in the allocation.
    target: Decimal
    #: False when all that can be sold must be sold.
    targeted: bool
    most_buy: int
    most_sell: int
    least: int
    #: Why the asset may not trade, or not in the direction it should.
    barred: ReasonCode | None

    @property
    def value(self) -> Decimal:
        return self.held * self.market.mid

    @property
    def must_sell(self) -> Decimal:
        """Signed shares that have no place in the allocation."""
        return Decimal(0) if self.targeted else -self.most_sell * self.lot

    @property
    def is_free(self) -> bool:
        """Whether the size of its trade is a choice."""
        return self.targeted and (self.most_buy > 0 or self.most_sell > 0)


@dataclass(frozen=True, kw_only=True)
class Book:
    """The managed part of an account: its assets by symbol, its cash, its rules."""

    assets: Mapping[str, Asset]
    cash: Decimal
    #: Cash plus managed holdings at mid.
    total: Decimal
    cash_target: Decimal
    policy: PlanPolicy

    def cash_after(self, trades: Trades, *, worst_case: bool = True) -> Decimal:
        """Cash left when sells fill at the bid and buys at their limits, or else at the ask."""
        return self.cash - sum(
            (self._cash_used(self.assets[s], q, worst_case) for s, q in trades.items()), Decimal(0)
        )

    def fee(self, asset: Asset, quantity: Decimal) -> Decimal:
        """The commission in the worst case."""
        price = asset.limit if quantity > 0 else asset.market.bid
        return self.policy.commission.fee(quantity, price)

    def _cash_used(self, asset: Asset, quantity: Decimal, worst_case: bool) -> Decimal:
        price = asset.market.bid
        if quantity > 0:
            price = asset.limit if worst_case else asset.market.ask
        return quantity * price + self.policy.commission.fee(quantity, price)

    def spendable(self, trades: Trades) -> Decimal:
        """Cash above the reserve after `trades`, or what else bounds spending; may be negative."""
        cash = self.cash_after(trades)
        above = cash - self.cash_target
        if self.policy.available_cash is None:
            return above
        return min(above, self.policy.available_cash - self.cash + cash)

    def cost(self, trades: Trades) -> Decimal:
        """Value lost to spread, slippage and fees in the worst case."""
        traded = sum((q * self.assets[s].market.mid for s, q in trades.items()), Decimal(0))
        return self.cash - self.cash_after(trades) - traded

    def objective(self, trades: Trades) -> Decimal:
        """Sum of all distances from the targets, cash and cost included, in account currency."""
        zero = Decimal(0)
        distance = sum(
            (
                abs((a.held + trades.get(s, zero)) * a.market.mid - a.target)
                for s, a in self.assets.items()
            ),
            zero,
        )
        return distance + abs(self.cash_after(trades) - self.cash_target) + self.cost(trades)

    def forced(self) -> dict[str, Decimal]:
        """The sales of what has no target."""
        return {s: a.must_sell for s, a in self.assets.items() if a.must_sell}


def open_book(
    targets: Targets,
    holdings: Holdings,
    markets: Mapping[str, Market],
    cash: Decimal,
    policy: PlanPolicy,
) -> Book:
    """Value the account and work out what each asset may trade."""
    total = cash + sum((q * markets[s].mid for s, q in holdings.shares.items()), Decimal(0))
    if total <= 0:
        raise SnapshotError(f"cash and managed stocks are worth {total:f}: nothing to allocate")
    percent_reserve = total * policy.cash_reserve_percent / 100
    reserve = min(max(percent_reserve, policy.minimum_cash_reserve), total)
    invested = total - reserve
    shorts = {p.symbol for p in holdings.left_alone if p.code is ReasonCode.SHORT}
    wanted = {symbol: weight for symbol, weight in targets.weights.items() if weight}
    assets = {
        symbol: _asset(
            symbol,
            held=holdings.shares.get(symbol, Decimal(0)),
            market=markets[symbol],
            target=invested * wanted[symbol] if symbol in wanted else None,
            total=total,
            is_short=symbol in shorts,
            policy=policy,
        )
        for symbol in sorted(wanted.keys() | holdings.shares.keys())
    }
    return Book(
        assets=assets,
        cash=cash,
        total=total,
        cash_target=reserve + invested * targets.cash,
        policy=policy,
    )


def _asset(
    symbol: str,
    *,
    held: Decimal,
    market: Market,
    target: Decimal | None,
    total: Decimal,
    is_short: bool,
    policy: PlanPolicy,
) -> Asset:
    lot = policy.lot_of(symbol)
    lot_value = market.mid * lot
    missing = (target or Decimal(0)) - held * market.mid
    least = least_lots(policy, lot_value)
    most_buy = max(_ceiling(missing / lot_value), least) if missing > 0 else 0
    most_sell = int(held // lot)
    if target is not None and most_sell < least:
        most_sell = 0
    barred = None
    if is_short:
        barred = ReasonCode.SHORT
    elif target is not None and _in_band(missing, total, policy.drift_band_percent):
        barred = ReasonCode.INSIDE_BAND
    elif missing > 0 and symbol in policy.buy_blocked:
        barred = ReasonCode.BUY_BLOCKED
    elif missing < 0 and symbol in policy.sell_blocked:
        barred = ReasonCode.SELL_BLOCKED
    elif missing < 0 and policy.buys_only:
        barred = ReasonCode.BUYS_ONLY
    untouchable = barred in (ReasonCode.SHORT, ReasonCode.INSIDE_BAND)
    if untouchable or symbol in policy.buy_blocked:
        most_buy = 0
    if untouchable or symbol in policy.sell_blocked or policy.buys_only:
        most_sell = 0
    return Asset(
        symbol=symbol,
        held=held,
        market=market,
        limit=buy_limit(policy, symbol, market.ask),
        lot=lot,
        target=target or Decimal(0),
        targeted=target is not None,
        most_buy=most_buy,
        most_sell=most_sell,
        least=least,
        barred=barred,
    )


def _in_band(missing: Decimal, total: Decimal, band: Decimal) -> bool:
    return band > 0 and abs(missing) / total * 100 < band + BAND_EDGE


def least_lots(policy: PlanPolicy, lot_value: Decimal) -> int:
    """The smallest order that is worth enough, in lots."""
    return max(1, _ceiling(policy.min_trade_value / lot_value))


def buy_limit(policy: PlanPolicy, symbol: str, ask: Decimal) -> Decimal:
    """The ask plus slippage, down to a tick, unless that would be below the ask."""
    limit = ask * (1 + policy.buy_slippage_percent / 100)
    tick = policy.ticks.get(symbol)
    if tick is None:
        return limit
    down = (limit / tick).to_integral_value(ROUND_FLOOR) * tick
    return down if down >= ask else (limit / tick).to_integral_value(ROUND_CEILING) * tick


def _ceiling(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_CEILING))
