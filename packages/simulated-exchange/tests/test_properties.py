"""Whatever happens, the books balance, the seed decides, and a restored exchange goes on alike."""

import json
from decimal import Decimal as D
from operator import or_
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from simulated_exchange import (
    Exchange,
    ExchangeError,
    FillPolicy,
    LatencyModel,
    OcaType,
    OrderState,
    OrderType,
    RandomWalk,
    Side,
    Slippage,
    SlippageModel,
    TimeInForce,
    VirtualClock,
)
from simulated_exchange.testing import ACCOUNT, IBM, SPY, Pit, request

con_ids = st.sampled_from([SPY, IBM])
cents = st.integers(9500, 10500).map(lambda value: D(value) / 100)
policies = st.one_of(
    st.just(FillPolicy.immediate()),
    st.just(FillPolicy.never()),
    st.builds(
        lambda sizes, gap, stall: FillPolicy.partial(*sizes, gap=gap, stall=stall),
        st.lists(st.integers(1, 40), min_size=1, max_size=3),
        st.sampled_from([0.0, 0.5, 3.0]),
        st.booleans(),
    ),
)


offsets = st.integers(1, 300).map(lambda value: D(value) / 100)
trails = st.fixed_dictionaries({"trail_amount": offsets}) | st.fixed_dictionaries(
    {"trail_percent": offsets}
)


def typed(kind: OrderType, **prices: Any) -> Any:
    return st.fixed_dictionaries({"order_type": st.just(kind), **prices})


#: every order type with prices around the market
kinds = st.one_of(
    typed(OrderType.MKT),
    typed(OrderType.LMT, limit_price=cents),
    typed(OrderType.STP, stop_price=cents),
    typed(OrderType.STP_LMT, stop_price=cents, limit_price=cents),
    st.builds(or_, typed(OrderType.TRAIL, stop_price=st.none() | cents), trails),
    st.builds(or_, typed(OrderType.TRAIL_LIMIT, limit_offset=offsets), trails),
    typed(OrderType.MIDPRICE, limit_price=st.none() | cents),
)


class Campaign(RuleBasedStateMachine):
    """Two exchanges get the same treatment; one of them is saved and restored again and again."""

    @initialize(
        margin=st.booleans(),
        allow_short=st.booleans(),
        settlement_days=st.integers(0, 2),
        latency=st.sampled_from([LatencyModel(), LatencyModel(low=0.2, high=2.0)]),
        partial_fills=st.booleans(),
        slippage=st.builds(
            Slippage, model=st.sampled_from(SlippageModel), value=st.just(D("0.003"))
        ),
        seed=st.integers(0, 5),
    )
    def open(
        self,
        latency: LatencyModel,
        partial_fills: bool,
        slippage: Slippage,
        seed: int,
        **account: Any,
    ) -> None:
        terms: dict[str, Any] = {
            "cash": {"USD": 10_000},
            "positions": {SPY: (30, 90)},
            "account": account,
            "latency": latency,
            "partial_fills": partial_fills,
            "slippage": slippage,
            "seed": seed,
        }
        self.plain, self.interrupted = Pit(**terms), Pit(**terms)

    def both(self, act: Any) -> None:
        """The same act on both exchanges has the same outcome, be it an order or a refusal."""
        outcomes = []
        for pit in (self.plain, self.interrupted):
            try:
                outcomes.append(act(pit))
            except ExchangeError as refusal:
                outcomes.append((refusal.reason, str(refusal)))
        assert outcomes[0] == outcomes[1]

    @rule(
        side=st.sampled_from(Side),
        quantity=st.integers(1, 60),
        kind=kinds,
        con_id=con_ids,
        time_in_force=st.sampled_from(TimeInForce),
        owner=st.sampled_from([None, (1, "one")]),
    )
    def submit(self, side: Side, quantity: int, kind: dict[str, Any], **terms: Any) -> None:
        self.both(lambda pit: pit.exchange.submit(request(side, quantity, **kind, **terms)))

    @rule(
        side=st.sampled_from(Side),
        quantity=st.integers(1, 20),
        group=st.sampled_from(["a", "b"]),
        kind=st.sampled_from(OcaType),
        limit=cents,
        con_id=con_ids,
    )
    def join(
        self, side: Side, quantity: int, group: str, kind: OcaType, limit: D, con_id: int
    ) -> None:
        order = request(side, quantity, limit, oca_group=group, oca_type=kind, con_id=con_id)
        self.both(lambda pit: pit.exchange.submit(order))

    @rule(
        side=st.sampled_from(Side),
        quantity=st.integers(1, 20),
        entry=cents,
        kinds=st.lists(kinds, min_size=1, max_size=3),
        con_id=con_ids,
        time_in_force=st.sampled_from([TimeInForce.DAY, TimeInForce.GTC]),
    )
    def bracket(self, side: Side, quantity: int, entry: D, kinds: list[Any], **terms: Any) -> None:
        exit_side = Side.SELL if side is Side.BUY else Side.BUY
        parent = request(side, quantity, entry, **terms)
        children = [request(exit_side, quantity, **kind, **terms) for kind in kinds]
        self.both(lambda pit: pit.exchange.submit_family(parent, children))

    @rule(
        pick=st.integers(0, 20),
        quantity=st.none() | st.integers(1, 60).map(D),
        limit_price=st.none() | cents,
        stop_price=st.none() | cents,
    )
    def modify(self, pick: int, **terms: Any) -> None:
        if live := self.plain.exchange.open_orders():
            order_id = live[pick % len(live)].order_id
            self.both(lambda pit: pit.exchange.modify(order_id, **terms))

    @rule(pick=st.integers(0, 20))
    def cancel(self, pick: int) -> None:
        if live := self.plain.exchange.open_orders():
            order_id = live[pick % len(live)].order_id
            self.both(lambda pit: pit.exchange.cancel(order_id))

    @rule(
        bid=st.none() | cents,
        ask=st.none() | cents,
        size=st.integers(0, 80),
        last=st.none() | cents,
        halted=st.sampled_from([0, 0, 0, 1]),
        con_id=con_ids,
    )
    def quote(self, bid: D | None, ask: D | None, **terms: Any) -> None:
        self.both(lambda pit: pit.quote(bid, ask, **terms))

    @rule(pick=st.integers(0, 20), price=st.none() | cents, quantity=st.none() | st.integers(0, 9))
    def correct(self, pick: int, price: D | None, quantity: int | None) -> None:
        if fills := self.plain.exchange.executions():
            exec_id = fills[pick % len(fills)].exec_id
            left = None if quantity is None else D(quantity)
            self.both(lambda pit: pit.exchange.correct(exec_id, price=price, quantity=left))

    @rule(
        con_id=con_ids,
        ratio=st.sampled_from([D(2), D(3), D("0.5"), D("1.5")]),
        keep=st.booleans(),
    )
    def split(self, con_id: int, ratio: D, keep: bool) -> None:
        self.both(lambda pit: pit.exchange.split(con_id, ratio, keep_fractions=keep))

    @rule(amount=st.integers(-500, 500).map(D))
    def transfer(self, amount: D) -> None:
        self.both(lambda pit: pit.exchange.transfer(ACCOUNT, "USD", amount))

    @rule(policy=policies)
    def change_policy(self, policy: FillPolicy) -> None:
        for pit in (self.plain, self.interrupted):
            pit.exchange.fill_policy = policy

    @rule(policy=st.none() | policies)
    def change_policy_of_one(self, policy: FillPolicy | None) -> None:
        self.both(lambda pit: pit.exchange.set_owner_policy((1, "one"), policy))

    @rule(pick=st.integers(0, 20))
    def fill(self, pick: int) -> None:
        if live := self.plain.exchange.open_orders():
            order_id = live[pick % len(live)].order_id
            self.both(lambda pit: pit.exchange.fill(order_id))

    @rule(con_id=con_ids, shortable=st.booleans())
    def lend(self, con_id: int, shortable: bool) -> None:
        self.both(lambda pit: pit.exchange.set_shortable(con_id, shortable))

    @rule(con_id=con_ids, walk=st.none() | st.builds(RandomWalk, seed=st.integers(0, 3)))
    def walk(self, con_id: int, walk: RandomWalk | None) -> None:
        self.both(lambda pit: pit.exchange.walk(con_id, walk))

    @rule(seconds=st.sampled_from([0, 0.1, 1, 5, 60]))
    def wait(self, seconds: float) -> None:
        self.both(lambda pit: pit.clock.advance(seconds))

    @rule()
    def wait_for_the_close(self) -> None:
        for con_id in (SPY, IBM):  # or a walk would take its steps all night
            self.both(lambda pit, con_id=con_id: pit.exchange.walk(con_id, None))
        self.both(lambda pit: pit.clock.advance(7 * 3600))

    @rule()
    def restart(self) -> None:
        pit = self.interrupted
        state = json.loads(json.dumps(pit.exchange.save()))
        pit.clock = VirtualClock(pit.clock.now())
        pit.exchange = Exchange.restore(state, clock=pit.clock)
        pit.exchange.subscribe(pit.events.append)

    @invariant()
    def the_books_balance(self) -> None:
        assert self.interrupted.exchange.audit() == []

    @invariant()
    def a_restart_made_no_difference(self) -> None:
        assert self.interrupted.events == self.plain.events

    def teardown(self) -> None:
        if hasattr(self, "plain"):
            assert self.interrupted.exchange.save() == self.plain.exchange.save()


TestCampaign = Campaign.TestCase
TestCampaign.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)


@settings(deadline=None, max_examples=60)
@given(
    trades=st.lists(
        st.tuples(st.sampled_from(Side), st.integers(1, 30), cents), min_size=1, max_size=15
    )
)
def test_what_an_account_gained_is_what_it_realized_and_what_it_could(
    trades: list[tuple[Side, int, D]],
) -> None:
    """Net liquidation = money put in + realized + unrealized results, whatever the trades."""
    pit = Pit(account={"margin": True, "allow_short": True})
    for side, quantity, price in trades:
        pit.quote(price, price)
        order = pit.exchange.submit(request(side, quantity))
        assert order.status is OrderState.FILLED
    account = pit.exchange.account(ACCOUNT)
    gained = account.net_liquidation - 100_000
    # Averages are quotients; everything else is exact.
    assert abs(gained - account.realized_pnl - account.unrealized_pnl) < D("1e-18")


@settings(deadline=None, max_examples=60)
@given(
    fills=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    price=st.integers(1, 20_000).map(lambda value: D(value) / 100),
)
def test_an_order_in_parts_costs_what_it_costs_whole(fills: list[int], price: D) -> None:
    pit = Pit(cash={"USD": 10_000_000})
    pit.quote(price, price)
    whole = pit.buy(sum(fills))
    pit.exchange.fill_policy = FillPolicy.partial(*fills)
    parts = pit.buy(sum(fills))
    charged = {whole.order_id: D(0), parts.order_id: D(0)}
    for fill in pit.exchange.executions():
        report = pit.exchange.commission_report(fill.exec_id)
        assert report.commission >= 0
        charged[fill.order_id] += report.commission
    assert charged[whole.order_id] == charged[parts.order_id]
    assert charged[whole.order_id] <= price * sum(fills) / 100
