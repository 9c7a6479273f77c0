"""What the next plan starts from: the account, the market in its symbols, and what is off limits.

Comes in: a broker session. Goes out: one consistent `Situation`, read with as few round trips as
possible and for no more symbols than matter. Whether it is good enough to trade on is decided by
`plan()`; only what the planner cannot see is checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker_connector_base import (
    AccountConfig,
    AccountPosition,
    AccountSnapshot,
    Attention,
    Claim,
    ContractPrice,
    Instrument,
    QuoteQuality,
)
from rebalance_calculator import Plan, PlanPolicy, plan, validate_allocations

from .allocation_sources import TargetAllocation
from .concurrency import together
from .errors import RebalanceStopped
from .policy import RebalancePolicy
from .session import Session
from .settlement import spendable_cash, unsettled_cash


@dataclass(frozen=True, kw_only=True)
class Situation:
    """An account and its market at one moment of a run."""

    snapshot: AccountSnapshot
    quotes: tuple[ContractPrice, ...]
    instruments: tuple[Instrument, ...]
    #: True once an order did not go through: the round is finished, and no other is begun.
    impaired: bool = False
    #: True when the account shows less cash than its fills left: to sell would be a guess.
    lacks_cash: bool = False
    #: True when an order of the last lines was kept back: they are planned anew.
    put_off: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """Everything held or targeted that is quoted here."""
        return tuple(instrument.symbol for instrument in self.instruments)

    @property
    def mids(self) -> dict[str, Decimal]:
        """The mid price of every symbol whose quote has both sides."""
        return {
            quote.symbol: (quote.bid + quote.ask) / 2
            for quote in self.quotes
            if quote.bid is not None and quote.ask is not None
        }


@dataclass(frozen=True, kw_only=True)
class Planner:
    """`plan()` for one account and target; the same for a preview and for a run."""

    account: AccountConfig
    target: TargetAllocation
    policy: RebalancePolicy
    #: False for a preview, which may look at quotes that are not good enough to trade on.
    live: bool

    def symbols(self, snapshot: AccountSnapshot) -> list[str]:
        """What needs a quote: targets, and stocks held in the account's currency."""
        weights = validate_allocations(self.target.items).weights
        targeted = {symbol for symbol, weight in weights.items() if weight}
        return sorted(targeted | shares_held(snapshot).keys())

    def plan(self, situation: Situation, *, buys_only: bool = False) -> Plan:
        """What to trade now; raises the calculator's `PlanError`.

        The sells are those that lead to the targets, whenever their money settles. Buys without
        sells are within what may be spent now.
        """
        found = self._plan(situation, buys_only=buys_only)
        if not buys_only and must_wait(situation, found):
            return self._plan(situation, buys_only=True)
        return found

    def awaited_cash(self, situation: Situation) -> Decimal:
        """Cash that has not settled, if anything would be bought with it; else 0."""
        unsettled = unsettled_cash(situation.snapshot)
        if not unsettled or not self._plan(situation, buys_only=False).buys:
            return Decimal(0)
        return unsettled

    def _plan(self, situation: Situation, *, buys_only: bool) -> Plan:
        policy = self.plan_policy(situation, situation.instruments, buys_only=buys_only)
        return plan(situation.snapshot, self.target.items, self.seen(situation.quotes), policy)

    def plan_policy(
        self, situation: Situation, instruments: Iterable[Instrument], *, buys_only: bool
    ) -> PlanPolicy:
        """How the account may trade these instruments now."""
        base = self.policy.plan_policy(self.account, instruments, live=self.live)
        spendable = spendable_cash(situation.snapshot) if buys_only else None
        return base.model_copy(update={"buys_only": buys_only, "available_cash": spendable})

    def seen(self, quotes: Iterable[ContractPrice]) -> tuple[ContractPrice, ...]:
        """The quotes as the planner gets to see them."""
        if self.live:
            return tuple(quotes)
        # A preview of a halted symbol is still worth showing; a warning says what a run does.
        return tuple(quote.model_copy(update={"halted": None}) for quote in quotes)


def must_wait(situation: Situation, wanted: Plan) -> bool:
    """Whether the buys of a plan may need money that has not settled."""
    return bool(wanted.buys and not wanted.sells and unsettled_cash(situation.snapshot))


async def read_situation(session: Session, planner: Planner) -> Situation:
    """Ask for the account, then for instruments and quotes of its symbols at the same time.

    Raises the broker's errors, and `RebalanceStopped` for a target that is not a stock in the
    account's currency, and for a holding that is another instrument than its symbol stands for
    today. A preview stops like a run: what it could show would be a trade in the wrong instrument.
    """
    account_id = planner.account.account_id
    snapshot = await session.ask(lambda: session.broker.get_account_snapshot(account_id))
    symbols = planner.symbols(snapshot)
    instruments, quotes = await together(
        session.ask(lambda: session.broker.get_instruments(symbols)),
        session.ask(lambda: session.broker.get_multiple_market_prices(symbols)),
    )
    return make_situation(snapshot, instruments, quotes)


def make_situation(
    snapshot: AccountSnapshot, instruments: Sequence[Instrument], quotes: Sequence[ContractPrice]
) -> Situation:
    """The situation of an account that these are all the instruments and quotes of.

    Raises `RebalanceStopped` as `read_situation` does.
    """
    _check_instruments(instruments, snapshot)
    _check_holdings(instruments, snapshot)
    return Situation(snapshot=snapshot, instruments=tuple(instruments), quotes=tuple(quotes))


def own_stocks(snapshot: AccountSnapshot) -> list[AccountPosition]:
    """Stock positions in the account's currency, long and short."""
    return [
        position
        for position in snapshot.positions
        if position.security_type == "STK" and position.currency == snapshot.currency
    ]


def shares_held(snapshot: AccountSnapshot) -> dict[str, Decimal]:
    """What may be traded of the account: shares of each long stock in its currency."""
    return {p.symbol: p.quantity for p in own_stocks(snapshot) if p.quantity > 0}


def quote_warnings(quotes: Iterable[ContractPrice], policy: RebalancePolicy) -> list[str]:
    """What a preview was willing to look at and a run is not."""
    warnings = []
    for quote in quotes:
        if quote.halted:
            warnings.append(f"{quote.symbol} is halted: a run would refuse to trade")
        elif quote.quality is not QuoteQuality.LIVE and not policy.allow_delayed_quotes:
            warnings.append(
                f"{quote.symbol} is quoted {quote.quality}: a run would refuse to trade"
            )
    return warnings


def _check_instruments(instruments: Iterable[Instrument], snapshot: AccountSnapshot) -> None:
    odd = {
        instrument.symbol: f"{instrument.security_type}, {instrument.currency}"
        for instrument in instruments
        if instrument.security_type != "STK" or instrument.currency != snapshot.currency
    }
    if odd:
        listed = ", ".join(f"{symbol} ({what})" for symbol, what in odd.items())
        raise RebalanceStopped(
            f"only stocks in {snapshot.currency} are traded in account {snapshot.account_id}: "
            f"{listed}; nothing was sent",
            Attention(claim=Claim.WRONG_INSTRUMENT, symbols=tuple(odd)),
        )


def _check_holdings(instruments: Iterable[Instrument], snapshot: AccountSnapshot) -> None:
    """Symbols are reused and shared by listings; orders are placed by symbol."""
    ids = {instrument.symbol: instrument.instrument_id for instrument in instruments}
    strange = {
        position.symbol: f"{position.symbol} is instrument {position.instrument_id} in the "
        f"account and {ids[position.symbol]} at the market"
        for position in own_stocks(snapshot)
        if position.instrument_id is not None
        and ids.get(position.symbol, position.instrument_id) != position.instrument_id
    }
    if strange:
        raise RebalanceStopped(
            f"account {snapshot.account_id} holds a stock that its symbol no longer stands for: "
            f"{'; '.join(strange.values())}; an order would trade the wrong one, so nothing was "
            "sent: close or move that position by hand",
            Attention(claim=Claim.WRONG_INSTRUMENT, symbols=tuple(strange)),
        )
