"""Invariants 1, 2, 8 and 3: what must hold before an order may leave."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from broker_connector_base import (
    AccountNotFound,
    AccountPosition,
    Attention,
    Claim,
    OpenOrder,
    OrderExecutionError,
    OrderStatus,
    QuoteQuality,
    RunStatus,
    UnknownSymbol,
)
from broker_connector_base.testing import (
    CANCEL_NEVER_CONFIRMED,
    FILL_BEATS_CANCEL,
    FakeBroker,
    Fault,
    Reject,
)
from rebalance_calculator import AllocationError, QuoteError, ReplacementError, SnapshotError
from rebalance_workflow import (
    AllocationSourceError,
    RebalancePolicy,
    RebalanceStopped,
    SourceFault,
)
from rebalance_workflow.journal import RunFinished
from rebalance_workflow.testing import ACCOUNT, World, make_world

QUOTES = {"AAA": (99, 100), "BBB": (49, 50)}


def a_world(**changes: object) -> World:
    settings: dict[str, object] = {
        "cash": 10_000,
        "quotes": QUOTES,
        "weights": {"AAA": "0.5", "BBB": "0.5"},
    }
    return make_world(**(settings | changes))  # type: ignore[arg-type]


class TestInvariant1:
    """Allocations are validated before anything else; the error names the line."""

    @pytest.mark.parametrize(
        ("weights", "named"),
        [
            ({}, "empty"),
            ({"AAA": "0.5", "BBB": "-0.1", "CCC": "0.6"}, "line 2 (BBB"),
            ({"AAA": "1.2", "BBB": "0.8"}, "sum to 2"),
            ({"AAA": "60", "BBB": "40"}, "percent"),
            ({"AAA": "0.5", "aaa": "0.5"}, "line 2 (AAA"),
        ],
    )
    async def test_bad_allocations_stop_the_run_before_anything_is_sent(
        self, weights: dict[str, str], named: str
    ) -> None:
        world = a_world(weights=weights)
        resting = world.books.place_foreign_order(
            ACCOUNT, "AAA", 1, limit_price=1, client_id=1, client_order_id="rb:old:DU1:AAA:B:1"
        )
        with pytest.raises(AllocationError) as refused:
            await world.run()
        assert named in str(refused.value)
        assert resting.status is OrderStatus.WORKING
        assert world.sent() == [("AAA", Decimal(1))]

    async def test_a_source_that_fails_stops_the_run_before_anything_is_sent(self) -> None:
        world = a_world()
        world.source.error = AllocationSourceError(SourceFault.UNAVAILABLE, "no answer")
        with pytest.raises(AllocationSourceError):
            await world.run()
        assert world.sent() == []

    async def test_an_explicit_cash_line_counts_towards_the_sum(self) -> None:
        world = a_world(weights={"AAA": "0.4", "CASH": "0.6"})
        result = await world.run()
        # 40 % of 9,900 that are invested are 3,960: 39 shares of 99.50.
        assert world.holdings.shares == {"AAA": Decimal(39)}
        assert result.status is RunStatus.DONE

    async def test_an_unknown_replacement_set_is_named(self) -> None:
        world = a_world()
        world.account = world.account.model_copy(update={"replacement_set": "ira"})
        with pytest.raises(ReplacementError, match="'ira'"):
            await world.run()

    async def test_the_journal_tells_why_the_run_ended(self) -> None:
        world = a_world(weights={})
        with pytest.raises(AllocationError):
            await world.run()
        last = world.journal.history(ACCOUNT)[-1]
        assert isinstance(last, RunFinished)
        assert last.status is RunStatus.FAILED
        assert "empty" in str(last.reason)


class TestInvariant2:
    """A picture of the account that cannot be right is refused, and nothing is sent."""

    async def test_an_account_that_the_login_does_not_have(self) -> None:
        world = a_world()
        world.account = world.account.model_copy(update={"account_id": "DU999"})
        with pytest.raises(AccountNotFound):
            await world.run()

    @pytest.mark.parametrize("total", ["0", "-5"])
    async def test_a_net_liquidation_that_is_not_positive(self, total: str) -> None:
        world = a_world()
        world.holdings.reported_total = Decimal(total)
        with pytest.raises(SnapshotError, match="net liquidation"):
            await world.run()
        assert world.sent() == []

    async def test_positions_and_cash_that_do_not_add_up(self) -> None:
        world = a_world(shares={"AAA": 10})
        world.holdings.reported_total = Decimal(20_000)
        with pytest.raises(SnapshotError, match="add up"):
            await world.run()
        assert world.sent() == []

    @pytest.mark.parametrize(
        ("bid", "ask", "problem"),
        [
            (None, None, "has no quote"),
            ("99", None, "one-sided"),
            ("101", "99", "crossed"),
            ("50", "150", "spread"),
        ],
    )
    async def test_a_quote_that_cannot_be_right(
        self, bid: str | None, ask: str | None, problem: str
    ) -> None:
        world = a_world()
        world.books.set_quote("AAA", bid=bid, ask=ask)
        with pytest.raises(QuoteError, match=problem):
            await world.run()
        assert world.sent() == []

    @pytest.mark.parametrize(
        "quality", [QuoteQuality.DELAYED, QuoteQuality.FROZEN, QuoteQuality.DELAYED_FROZEN]
    )
    async def test_a_run_refuses_a_quote_that_is_not_live_and_a_preview_warns(
        self, quality: QuoteQuality
    ) -> None:
        world = a_world()
        world.books.set_quote("AAA", bid=99, ask=100, quality=quality)
        preview = await world.preview()
        assert f"AAA is quoted {quality}: a run would refuse to trade" in preview.warnings
        with pytest.raises(QuoteError, match="not live"):
            await world.run()
        assert world.sent() == []

    async def test_a_run_refuses_a_halted_symbol_and_a_preview_warns(self) -> None:
        world = a_world()
        world.books.set_quote("AAA", bid=99, ask=100, halted=True)
        preview = await world.preview()
        assert "AAA is halted: a run would refuse to trade" in preview.warnings
        with pytest.raises(QuoteError, match="halted"):
            await world.run()

    async def test_delayed_quotes_are_traded_on_when_the_policy_allows_it(self) -> None:
        world = a_world(policy=RebalancePolicy(allow_delayed_quotes=True))
        world.books.set_quote("AAA", bid=99, ask=100, quality=QuoteQuality.DELAYED)
        assert (await world.preview()).warnings == ()
        assert (await world.run()).status is RunStatus.DONE

    async def test_a_target_that_is_not_a_stock_in_the_accounts_currency(self) -> None:
        world = a_world()
        world.books.instruments["BBB"] = world.books.instruments["BBB"].model_copy(
            update={"currency": "EUR"}
        )
        with pytest.raises(RebalanceStopped, match=r"BBB \(STK, EUR\)"):
            await world.run()
        assert world.sent() == []

    async def test_a_target_that_no_instrument_answers_to(self) -> None:
        world = a_world(weights={"AAA": "0.5", "NOPE": "0.5"})
        with pytest.raises(UnknownSymbol):
            await world.run()
        assert world.sent() == []

    async def test_a_holding_that_its_symbol_no_longer_stands_for_stops_run_and_preview(
        self,
    ) -> None:
        world = a_world(shares={"AAA": 50})
        world.books.instruments["AAA"] = world.books.instruments["AAA"].model_copy(
            update={"instrument_id": "I-AAA-NEW"}
        )
        with pytest.raises(RebalanceStopped, match="I-AAA in the account and I-AAA-NEW") as stop:
            await world.run()
        assert stop.value.attention == Attention(claim=Claim.WRONG_INSTRUMENT, symbols=("AAA",))
        assert world.sent() == []
        with pytest.raises(RebalanceStopped, match="I-AAA in the account and I-AAA-NEW"):
            await world.preview()


class TestInvariant3:
    """Nothing is sold that is not held; what is not a long stock is left alone and reported."""

    async def test_shorts_options_and_stubs_are_left_alone(self) -> None:
        option = AccountPosition(
            symbol="AAA", quantity=Decimal(2), security_type="OPT", market_value=Decimal(300)
        )
        world = a_world(shares={"BBB": "10.5", "CCC": -5}, weights={"AAA": "1"})
        world.books.add_instrument("CCC", bid=10, ask=11)
        world.holdings.other_positions = (option,)
        result = await world.run()
        assert world.holdings.shares["BBB"] == Decimal("0.5")
        assert world.holdings.shares["CCC"] == Decimal(-5)
        assert ("CCC", Decimal(5)) not in world.sent()
        assert any("OPT position of 2" in warning for warning in result.warnings)
        assert any("short 5" in warning for warning in result.warnings)
        reported = {(line.symbol, line.quantity_after) for line in result.holdings}
        assert {("CCC", Decimal(-5)), ("AAA", Decimal(2)), ("BBB", Decimal("0.5"))} <= reported


class TestInvariant8:
    """Own open orders are gone before the account is read; foreign ones stop the run."""

    async def test_own_orders_are_cancelled_before_the_first_order_is_placed(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        result = await world.run()
        assert old.status is OrderStatus.CANCELLED
        assert result.status is RunStatus.DONE

    async def test_a_preview_tells_what_a_run_would_cancel_and_cancels_nothing(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        preview = await world.preview()
        assert "a run would first cancel 1 open order (buy 7 BBB)" in preview.warnings
        assert old.status is OrderStatus.WORKING

    async def test_a_fill_that_beats_the_cancellation_is_part_of_the_account(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=50, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        old.behaviour = FILL_BEATS_CANCEL
        await world.run()
        clean = a_world()
        await clean.run()
        # Seven shares were there already: the run buys seven fewer.
        assert world.traded() == clean.traded()

    async def test_such_a_fill_is_waited_for_until_the_account_shows_it(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=50, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        old.behaviour = FILL_BEATS_CANCEL
        world.books.snapshot_lag = 3
        await world.run()
        clean = a_world()
        await clean.run()
        assert world.traded() == clean.traded()

    async def test_such_a_fill_that_the_account_never_shows_stops_the_run(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=50, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        old.behaviour = FILL_BEATS_CANCEL
        world.books.snapshot_lag = 10_000
        with pytest.raises(RebalanceStopped, match="does not show what") as stop:
            await world.run()
        assert stop.value.attention.claim is Claim.POSITIONS_UNEXPLAINED
        assert len(world.sent()) == 1

    async def test_a_cancellation_that_is_not_confirmed_in_a_minute_stops_the_run(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        old.behaviour = CANCEL_NEVER_CONFIRMED
        began = world.clock.now()
        with pytest.raises(RebalanceStopped, match="not all were confirmed within 60 s") as stop:
            await world.run()
        assert stop.value.attention == Attention(
            claim=Claim.ORDERS_WORKING, symbols=("BBB",), orders=("rb:old:DU1:BBB:B:1",)
        )
        assert (world.clock.now() - began).total_seconds() == pytest.approx(60)
        assert len(world.sent()) == 1

    async def test_a_cancellation_confirmed_while_the_list_is_on_its_way_is_not_missed(
        self,
    ) -> None:
        class Racing(FakeBroker):
            """The order ends just after the broker wrote the list that still has it."""

            async def get_open_orders(self, account_id: str) -> list[OpenOrder]:
                listed = await super().get_open_orders(account_id)
                if old.status is OrderStatus.CANCELLING:
                    world.books.end(old, OrderStatus.CANCELLED)
                    await asyncio.sleep(0.1)
                return listed

        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        old.behaviour = CANCEL_NEVER_CONFIRMED
        world.broker = Racing(world.books)
        assert (await world.run()).status is RunStatus.DONE

    async def test_an_own_order_of_another_client_id_stops_the_run(self) -> None:
        world = a_world()
        world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=2, client_order_id="rb:old:DU1:BBB:B:1"
        )
        with pytest.raises(RebalanceStopped, match="only be cancelled by the client id"):
            await world.run()

    async def test_a_foreign_order_in_a_targeted_symbol_stops_the_run(self) -> None:
        world = a_world()
        manual = world.books.place_foreign_order(ACCOUNT, "AAA", 3, limit_price=1)
        with pytest.raises(RebalanceStopped, match=r"1 open order \(buy 3 AAA\)") as stop:
            await world.run()
        assert stop.value.attention == Attention(claim=Claim.ORDERS_OF_OTHERS, symbols=("AAA",))
        assert manual.status is OrderStatus.WORKING
        preview = await world.preview()
        assert any("refuse to start beside" in warning for warning in preview.warnings)

    async def test_a_foreign_order_elsewhere_does_not_matter(self) -> None:
        world = a_world()
        world.books.add_instrument("ZZZ", bid=1, ask=2)
        manual = world.books.place_foreign_order(ACCOUNT, "ZZZ", 3, limit_price=1)
        assert (await world.run()).status is RunStatus.DONE
        assert manual.status is OrderStatus.WORKING

    async def test_the_policy_may_cancel_foreign_orders_of_this_session_only(self) -> None:
        world = a_world(policy=RebalancePolicy(foreign_orders="cancel"))
        same_client = world.books.place_foreign_order(ACCOUNT, "AAA", 3, limit_price=1, client_id=1)
        assert (await world.run()).status is RunStatus.DONE
        assert same_client.status is OrderStatus.CANCELLED
        world.books.place_foreign_order(ACCOUNT, "AAA", 3, limit_price=1, client_id=0)
        with pytest.raises(RebalanceStopped):
            await world.run()

    async def test_a_refused_cancellation_of_an_order_that_still_works_stops_the_run(self) -> None:
        world = a_world()
        world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        refusal = OrderExecutionError("no, because", code="161")
        world.books.faults.append(Fault(method="cancel_order", error=refusal))
        with pytest.raises(RebalanceStopped, match=r"refused to cancel .* no, because"):
            await world.run()

    async def test_a_refused_cancellation_of_an_order_that_has_ended_does_not_matter(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        old.behaviour = replace(old.behaviour, on_cancel=Reject(code="10148", text="too late"))
        await world.broker.connect()
        asyncio.get_running_loop().call_later(1, world.books.end, old, OrderStatus.EXPIRED)
        assert (await world.run()).status is RunStatus.DONE

    async def test_a_session_lost_while_cancelling_is_restored(self) -> None:
        world = a_world()
        old = world.books.place_foreign_order(
            ACCOUNT, "BBB", 7, limit_price=1, client_id=1, client_order_id="rb:old:DU1:BBB:B:1"
        )
        world.books.faults.append(Fault(method="cancel_order"))
        assert (await world.run()).status is RunStatus.DONE
        assert old.status is OrderStatus.CANCELLED
