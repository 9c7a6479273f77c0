"""Everything that a preview of many accounts starts from, read through one broker session.

Comes in: accounts of one strategy that the session may see. Goes out: a `StrategyReading`: a
situation per account, and the instruments and quotes of all, asked for once. Trouble with one
account, or with a symbol that only some hold, stays with those accounts. It sends nothing but
questions, and does not restore a session that is lost: the accounts that were not read say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from broker_connector_base import (
    AccountConfig,
    AccountSnapshot,
    BrokerAPIError,
    BrokerClient,
    BrokerError,
    ContractPrice,
    Instrument,
    OpenOrder,
)
from rebalance_calculator import PlanError, ReplacementError

from .allocation_service import AllocationService
from .concurrency import all_of, together
from .errors import RebalanceStopped
from .policy import RebalancePolicy
from .situation import Planner, Situation, make_situation

#: Accounts that are asked for at the same time: enough to hide a broker's latency behind its limit
#: on messages a second (IBKR: about 45, an account takes five).
_AT_ONCE = 8

#: What keeps one account from being planned; anything else ends the whole preview.
Trouble = BrokerError | PlanError | RebalanceStopped

_Answer = TypeVar("_Answer", Instrument, ContractPrice)


@dataclass(frozen=True, kw_only=True)
class AccountStart:
    """An account that can be planned."""

    planner: Planner
    situation: Situation
    open_orders: Sequence[OpenOrder]


@dataclass(frozen=True, kw_only=True)
class StrategyReading:
    """All accounts of one session: each is in `starts` or in `troubles`."""

    starts: tuple[AccountStart, ...]
    #: By account id.
    troubles: dict[str, Trouble]
    #: Of all symbols of all accounts.
    instruments: tuple[Instrument, ...]
    quotes: tuple[ContractPrice, ...]


async def read_strategy(
    broker: BrokerClient,
    accounts: Sequence[AccountConfig],
    *,
    allocations: AllocationService,
    policy: RebalancePolicy,
) -> StrategyReading:
    """Read the accounts, then the market in all their symbols at once.

    Raises `AllocationSourceError` and `AllocationError`: without targets there is nothing to plan.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    answers = await all_of(
        _read_account(broker, account, allocations, policy, gate) for account in accounts
    )
    seen = [answer for answer in answers if isinstance(answer, _Seen)]
    troubles = {
        account.account_id: answer
        for account, answer in zip(accounts, answers, strict=True)
        if not isinstance(answer, _Seen)
    }
    symbols = sorted({symbol for account in seen for symbol in account.symbols})
    instruments, quotes = await together(
        _ask_for(symbols, broker.get_instruments),
        _ask_for(symbols, broker.get_multiple_market_prices),
    )
    starts = []
    for account in seen:
        start = _start(account, instruments, quotes)
        if isinstance(start, AccountStart):
            starts.append(start)
        else:
            troubles[account.snapshot.account_id] = start
    return StrategyReading(
        starts=tuple(starts),
        troubles=troubles,
        instruments=tuple(a for a in instruments.values() if isinstance(a, Instrument)),
        quotes=tuple(a for a in quotes.values() if isinstance(a, ContractPrice)),
    )


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """An account as the broker has it, without its market."""

    planner: Planner
    snapshot: AccountSnapshot
    open_orders: Sequence[OpenOrder]
    symbols: Sequence[str]


async def _read_account(
    broker: BrokerClient,
    account: AccountConfig,
    allocations: AllocationService,
    policy: RebalancePolicy,
    gate: asyncio.Semaphore,
) -> _Seen | Trouble:
    try:
        target = await allocations.get_target(account)
        async with gate:
            snapshot, open_orders = await together(
                broker.get_account_snapshot(account.account_id, use_cached_prices=True),
                broker.get_open_orders(account.account_id),
            )
    except (BrokerError, ReplacementError) as error:
        return error
    planner = Planner(account=account, target=target, policy=policy, live=False)
    return _Seen(
        planner=planner,
        snapshot=snapshot,
        open_orders=open_orders,
        symbols=planner.symbols(snapshot),
    )


async def _ask_for(
    symbols: Sequence[str], question: Callable[[Sequence[str]], Awaitable[list[_Answer]]]
) -> dict[str, _Answer | BrokerError]:
    """An answer or an error per symbol."""
    try:
        return dict(zip(symbols, await question(symbols), strict=True))
    except BrokerAPIError:
        # A symbol that the broker refuses must not take the others with it.
        answers = await all_of(_ask_alone(symbol, question) for symbol in symbols)
    except BrokerError as error:
        answers = [error] * len(symbols)
    return dict(zip(symbols, answers, strict=True))


async def _ask_alone(
    symbol: str, question: Callable[[Sequence[str]], Awaitable[list[_Answer]]]
) -> _Answer | BrokerError:
    try:
        [answer] = await question([symbol])
    except BrokerError as error:
        return error
    return answer


def _start(
    account: _Seen,
    instruments: dict[str, Instrument | BrokerError],
    quotes: dict[str, ContractPrice | BrokerError],
) -> AccountStart | Trouble:
    known, priced = [], []
    for symbol in account.symbols:
        instrument, quote = instruments[symbol], quotes[symbol]
        if isinstance(instrument, BrokerError):
            return instrument
        if isinstance(quote, BrokerError):
            return quote
        known.append(instrument)
        priced.append(quote)
    try:
        situation = make_situation(account.snapshot, known, priced)
    except RebalanceStopped as stopped:
        return stopped
    return AccountStart(
        planner=account.planner, situation=situation, open_orders=account.open_orders
    )
