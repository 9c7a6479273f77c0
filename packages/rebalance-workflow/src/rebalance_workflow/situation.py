"""What the next plan starts from: the account, the market in its symbols, and what is off limits.

Comes in: a broker session. Goes out: one consistent `Situation`, read with as few round trips as
possible and for no more symbols than matter. Whether it is good enough to trade on is decided by
`plan()`; only what the planner cannot see is checked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker_connector_base import (
    AccountConfig,
    AccountSnapshot,
    ContractPrice,
    Instrument,
    QuoteQuality,
    RunStatus,
)
from rebalance_calculator import Plan, plan, validate_allocations

from .allocation_sources import TargetAllocation
from .concurrency import together
from .errors import RebalanceStopped
from .policy import RebalancePolicy
from .session import Session


@dataclass(frozen=True, kw_only=True)
class Situation:
    """An account and its market at one moment of a run."""

    snapshot: AccountSnapshot
    quotes: tuple[ContractPrice, ...]
    instruments: tuple[Instrument, ...]
    #: True once an order did not go through: the round is finished, and no other is begun.
    impaired: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """Everything held or targeted that is quoted here."""
        return tuple(instrument.symbol for instrument in self.instruments)


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
        held = {
            position.symbol
            for position in snapshot.positions
            if position.security_type == "STK"
            and position.currency == snapshot.currency
            and position.quantity > 0
        }
        return sorted(targeted | held)

    def plan(self, situation: Situation, *, buys_only: bool = False) -> Plan:
        """What to trade now; raises the calculator's `PlanError`."""
        base = self.policy.plan_policy(self.account, situation.instruments, live=self.live)
        policy = base.model_copy(update={"buys_only": buys_only})
        quotes = situation.quotes
        if not self.live:
            # A preview of a halted symbol is still worth showing; a warning says what a run does.
            quotes = tuple(quote.model_copy(update={"halted": None}) for quote in quotes)
        return plan(situation.snapshot, self.target.items, quotes, policy)


async def read_situation(session: Session, planner: Planner) -> Situation:
    """Ask for the account, then for instruments and quotes of its symbols at the same time.

    Raises the broker's errors, and `RebalanceStopped` for a target that is not a stock in the
    account's currency.
    """
    account_id = planner.account.account_id
    snapshot = await session.ask(lambda: session.broker.get_account_snapshot(account_id))
    symbols = planner.symbols(snapshot)
    instruments, quotes = await together(
        session.ask(lambda: session.broker.get_instruments(symbols)),
        session.ask(lambda: session.broker.get_multiple_market_prices(symbols)),
    )
    _check_instruments(instruments, snapshot)
    return Situation(
        snapshot=snapshot,
        instruments=tuple(instruments),
        quotes=tuple(quotes),
    )


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
    odd = [
        f"{instrument.symbol} ({instrument.security_type}, {instrument.currency})"
        for instrument in instruments
        if instrument.security_type != "STK" or instrument.currency != snapshot.currency
    ]
    if odd:
        raise RebalanceStopped(
            f"only stocks in {snapshot.currency} are traded in account {snapshot.account_id}: "
            f"{', '.join(odd)}; nothing was sent",
            status=RunStatus.NEEDS_ATTENTION,
        )
