"""The market of a run: lines of a plan become orders at the broker, fills, and a fresh situation.

Comes in: lines that the planner wants traded. Goes out: what is true when all their orders have
ended and the account shows it. When anything is in doubt it halts the run instead of guessing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from broker_connector_base import AccountSnapshot, Attention, ContractPrice, Fill
from rebalance_calculator import PlanLine, Reconciliation

from .cash_memory import cash_of, with_orders
from .clock import Clock
from .concurrency import together
from .desk import OrderDesk
from .errors import orders_in_doubt, positions_unexplained
from .journal import CashKnown, OrderIntent, Phase
from .order_ids import OrderKey, side_of
from .orders import Order
from .policy import RebalancePolicy
from .progress import Reporter, Stage
from .session import Session
from .settling import Settled, compare, settled_snapshot
from .situation import Situation

#: Quotes that were read while the account took longer than this to settle are read again.
_FRESH_SECONDS = 2.0


class RunHalted(Exception):
    """The run must not go on, and a person must look; orders were placed."""

    def __init__(self, reason: str, attention: Attention) -> None:
        super().__init__(reason)
        self.attention = attention


class LiveMarket:
    """Trades at the broker; remembers what each order was quoted at and how the account looks."""

    def __init__(
        self,
        session: Session,
        desk: OrderDesk,
        before: AccountSnapshot,
        *,
        cash_known: CashKnown | None = None,
        run_id: str,
        policy: RebalancePolicy,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        """`before` is the account as it was before the first order, `cash_known` what earlier runs
        know of its cash.
        """
        self._session = session
        self._desk = desk
        self._before = before
        self._run_id = run_id
        self._policy = policy
        self._clock = clock
        self._reporter = reporter
        self._is_current = True
        self._cash_before = cash_known or cash_of(before, run_id=run_id, at=clock.now())
        #: The account as it was last seen.
        self.latest = before
        self.warnings: list[str] = []
        #: The plan's line behind each order, by client order id.
        self.lines: dict[str, PlanLine] = {}

    def cash_known(self) -> CashKnown:
        """What the next run shall know of the cash: what it was, and the orders that moved it."""
        keys = [order.intent.client_order_id for order in self.orders]
        return with_orders(self._cash_before, keys, at=self._clock.now())

    @property
    def orders(self) -> tuple[Order, ...]:
        """All orders of the run, as they were sent."""
        return tuple(self._desk.orders)

    @property
    def fills(self) -> list[Fill]:
        """All executions of the run, oldest first."""
        return self._desk.orders.fills()

    async def trade(
        self, lines: Sequence[PlanLine], *, phase: Phase, round_number: int, situation: Situation
    ) -> Situation:
        """Place the orders, see them end, and wait until the account shows their fills.

        Raises `RunHalted` when an order or the account stays in doubt, `JournalError`, and the
        broker's errors for the readings.
        """
        selling = phase is Phase.SELL
        self._reporter.stage(Stage.SELLING if selling else Stage.BUYING, f"{len(lines)} orders")
        intents = [self._intent(line, phase, round_number) for line in lines]
        self.lines.update(
            (intent.client_order_id, line) for intent, line in zip(intents, lines, strict=True)
        )
        async with self._desk.work(intents, *self._preface()) as orders:
            self._is_current = False
            settled, quotes = await self._see_through(orders, situation)
        put_off = any(order.never_sent for order in orders)
        went_wrong = any(order.went_wrong for order in orders)
        return replace(
            situation,
            snapshot=settled.cautious,
            quotes=tuple(quotes),
            impaired=situation.impaired or went_wrong or (put_off and not self._desk.can_send),
            lacks_cash=settled.lacks_cash,
            put_off=put_off,
        )

    async def _see_through(
        self, orders: Sequence[Order], situation: Situation
    ) -> tuple[Settled, Sequence[ContractPrice]]:
        """The account with the orders' fills in it, and the quotes of that moment."""
        _halt_when_in_doubt(orders)
        self._reporter.stage(Stage.SETTLING)
        began = self._clock.now()
        settled, quotes = await together(self._settle(), self._quotes(situation))
        if (self._clock.now() - began).total_seconds() > _FRESH_SECONDS:
            quotes = await self._quotes(situation)
        return settled, quotes

    async def look(self) -> None:
        """Read the account once more, whatever it shows; raises the broker's errors."""
        await self._read(timeout_seconds=0)

    def reconciliation(self) -> Reconciliation | None:
        """The account against its fills; None when it was not read since the last of them."""
        if not self._is_current:
            return None
        return compare(self._before, self.fills, self.latest, self._policy.commission).check

    async def _quotes(self, situation: Situation) -> list[ContractPrice]:
        return await self._session.ask(
            lambda: self._session.broker.get_multiple_market_prices(situation.symbols)
        )

    async def _read(self, *, timeout_seconds: float) -> Settled:
        settled = await settled_snapshot(
            self._session,
            self._before,
            self._desk.orders.fills,
            commission=self._policy.commission,
            timeout_seconds=timeout_seconds,
            are_complete=self._desk.orders.are_settled,
            look_again=self._desk.read_executions,
        )
        self.latest, self._is_current = settled.snapshot, True
        return settled

    async def _settle(self) -> Settled:
        settled = await self._read(timeout_seconds=self._policy.settle_timeout_seconds)
        check = settled.check
        self._halt_when_untold()
        if not settled.positions_match:
            differences = ", ".join(
                f"{position.symbol} {position.actual:f} instead of {position.expected:f}"
                for position in check.mismatches
            )
            raise RunHalted(
                f"{self._policy.settle_timeout_seconds:g} s after the fills the positions are not "
                f"what they explain: {differences}; somebody else may be trading in the account",
                positions_unexplained(position.symbol for position in check.mismatches),
            )
        if not settled.cash_matches:
            self.warnings.append(
                f"cash is {check.actual_cash:.2f} {settled.snapshot.currency} where the fills "
                f"left {settled.cash_left:.2f}; the lower of the two was used"
            )
        return settled

    def _halt_when_untold(self) -> None:
        untold = sorted({order.intent.symbol for order in self.orders if not order.is_settled})
        if untold:
            raise RunHalted(
                f"{self._policy.settle_timeout_seconds:g} s after the fills the broker still has "
                f"not told the executions of all shares that it says were traded of "
                f"{', '.join(untold)}; no further order was placed",
                positions_unexplained(untold),
            )

    def _preface(self) -> list[CashKnown]:
        """What is known of the account before the first order of the run."""
        return [] if self.orders else [self._cash_before]

    def _intent(self, line: PlanLine, phase: Phase, round_number: int) -> OrderIntent:
        selling = phase is Phase.SELL
        key = OrderKey(
            run_id=self._run_id,
            account_id=self._before.account_id,
            symbol=line.symbol,
            side=side_of(line.quantity),
            attempt=round_number,
        )
        return OrderIntent(
            run_id=self._run_id,
            account_id=self._before.account_id,
            at=self._clock.now(),
            client_order_id=str(key),
            symbol=line.symbol,
            quantity=line.quantity,
            held_before=line.current_quantity,
            order_type="MARKET" if selling else "LIMIT",
            limit_price=line.limit_price,
            time_in_force="DAY" if selling else self._policy.order_tif,
            phase=phase,
            round=round_number,
        )


def _halt_when_in_doubt(orders: Sequence[Order]) -> None:
    doubtful = [order for order in orders if not order.is_decided]
    if doubtful:
        listed = "; ".join(map(_in_doubt, doubtful))
        raise RunHalted(
            f"the fate of {len(doubtful)} orders is not known: {listed}; they were not sent "
            "again, and no further order was placed",
            orders_in_doubt(order.intent for order in doubtful),
        )


def _in_doubt(order: Order) -> str:
    words = f": {order.message}" if order.message else ""
    return f"{order.intent.client_order_id} ({order.verdict}){words}"
