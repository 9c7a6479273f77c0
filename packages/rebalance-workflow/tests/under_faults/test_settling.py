"""Accounts that are slow to show what was traded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from broker_connector_base import (
    AccountPosition,
    AccountSnapshot,
    BrokerAPIError,
    ContractPrice,
    Fill,
    MarketDataError,
    OrderEvent,
    RunStatus,
)
from broker_connector_base.testing import COMMISSION_UNTOLD, Behaviour, FakeBroker, Fault
from rebalance_workflow.policy import RebalancePolicy
from rebalance_workflow.testing import ACCOUNT, make_world

from .conftest import CLEAN, SWITCH, assert_traded_once


class TestSettling:
    """Plans are made on accounts that show the fills."""

    async def test_a_snapshot_that_lags_behind_the_fills_is_waited_for(self) -> None:
        world = make_world(**SWITCH)
        world.books.snapshot_lag = 4
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert world.traded() == CLEAN

    async def test_a_snapshot_that_never_shows_the_fills_needs_attention(self) -> None:
        world = make_world(**SWITCH)
        world.books.snapshot_lag = 10_000
        result = await world.run()
        assert result.status is RunStatus.NEEDS_ATTENTION
        assert "AAA 100 instead of 35" in str(result.error)
        assert "BBB" not in dict(world.sent())

    async def test_an_account_that_does_not_show_what_sales_brought_is_not_taken_for_smaller(
        self,
    ) -> None:
        """What cannot be priced keeps net liquidation from telling."""

        class Behind(FakeBroker):
            async def get_account_snapshot(
                self, account_id: str, use_cached_prices: bool = False
            ) -> AccountSnapshot:
                snapshot = await super().get_account_snapshot(account_id)
                old = {"cash_balance": Decimal(200), "cash_by_currency": {"USD": Decimal(200)}}
                return snapshot.model_copy(update=old)

        world = make_world(
            cash=200,
            quotes={"AAA": ("99.90", "100"), "BBB": ("49.90", "50"), "OLD": ("20", "20.10")},
            shares={"AAA": 50, "OLD": 100},
            weights={"AAA": "0.6", "BBB": "0.4"},
        )
        option = AccountPosition(symbol="OPT", quantity=Decimal(1), security_type="OPT")
        world.holdings.other_positions = (option,)
        world.broker = Behind(world.books)
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "less cash than the trades left, so the rest was not planned" in str(result.error)
        # What the targets want of the whole, less the reserve: 60 % of 7,100.
        assert world.holdings.shares["AAA"] == 42
        world.new_session()
        assert (await world.run()).status is RunStatus.DONE
        assert world.holdings.shares["AAA"] == 42

    @pytest.mark.parametrize("seconds", [20, 10_000])
    async def test_an_old_picture_of_the_account_is_not_taken_for_one_without_trades(
        self, seconds: int
    ) -> None:
        """Orders are told as filled; their executions and the account's positions are not yet."""

        class Slow(FakeBroker):
            seen: AccountSnapshot | None = None

            def hear(self, account_id: str | None, event: OrderEvent) -> None:
                if not isinstance(event, Fill):
                    super().hear(account_id, event)

            async def get_executions(
                self, account_id: str, since: datetime | None = None
            ) -> list[Fill]:
                return [] if self.is_slow() else await super().get_executions(account_id, since)

            async def get_account_snapshot(
                self, account_id: str, use_cached_prices: bool = False
            ) -> AccountSnapshot:
                if self.seen is None or not self.is_slow():
                    self.seen = await super().get_account_snapshot(account_id)
                return self.seen

            def is_slow(self) -> bool:
                return (world.clock.now() - began).total_seconds() < seconds

        world = make_world(**SWITCH)
        began = world.clock.now()
        world.broker = Slow(world.books)
        result = await world.run()
        if seconds == 20:
            assert result.status is RunStatus.DONE
            assert_traded_once(world)
        else:
            assert result.status is RunStatus.NEEDS_ATTENTION
            assert "has not told the executions of all shares" in str(result.error)
            assert world.traded() == {"AAA": -65, "OLD": -50}
            assert len(world.journal.unfinished(ACCOUNT)) == 2

    async def test_quotes_that_stop_between_decided_orders_cast_no_doubt_on_the_account(
        self,
    ) -> None:
        class Silent(FakeBroker):
            async def get_multiple_market_prices(
                self, symbols: Sequence[str], use_cache: bool = False
            ) -> list[ContractPrice]:
                if world.books.executions:
                    raise MarketDataError("no quote arrived")
                return await super().get_multiple_market_prices(symbols, use_cache)

        world = make_world(**SWITCH)
        world.broker = Silent(world.books)
        await world.broker.connect()
        result = await world.run()
        assert result.status is RunStatus.FAILED
        assert "no quote arrived" in str(result.error)
        assert world.traded() == {"AAA": -65, "OLD": -50}

    async def test_cash_that_does_not_fit_the_fills_is_used_cautiously(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("OLD", Behaviour(delay=5))
        await world.broker.connect()

        def deposit() -> None:
            world.holdings.cash += 5_000

        asyncio.get_running_loop().call_later(2, deposit)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert any("the lower of the two was used" in warning for warning in result.warnings)
        assert world.traded() == CLEAN

    async def test_what_cash_in_other_currencies_gains_or_loses_holds_up_nothing(self) -> None:
        class Euros(FakeBroker):
            async def get_account_snapshot(
                self, account_id: str, use_cached_prices: bool = False
            ) -> AccountSnapshot:
                told = await super().get_account_snapshot(account_id)
                # Each fill finds another rate.
                worth = 110_000 + 50 * len(world.books.executions)
                return told.model_copy(
                    update={
                        "cash_balance": told.cash_balance + worth,
                        "cash_by_currency": told.cash_by_currency | {"EUR": Decimal(100_000)},
                        "total_value": told.total_value + worth,
                    }
                )

        world = make_world(**SWITCH)
        world.broker = Euros(world.books)
        began = world.clock.now()
        result = await world.run()
        assert world.traded() == CLEAN
        assert (world.clock.now() - began).total_seconds() < 1
        assert not [warning for warning in result.warnings if "fills left" in warning]
        assert result.reconciliation is not None
        assert result.reconciliation.verdict == "match"
        assert result.reconciliation.actual_cash == world.holdings.cash
        assert result.cash_after == world.holdings.cash

    async def test_an_old_balance_and_untold_commissions_leave_the_reserve_alone(self) -> None:
        """IB tells a new balance after up to three minutes, which no run waits for."""

        class Old(FakeBroker):
            first: AccountSnapshot | None = None

            async def get_account_snapshot(
                self, account_id: str, use_cached_prices: bool = False
            ) -> AccountSnapshot:
                told = await super().get_account_snapshot(account_id)
                self.first = self.first or told
                cash = ("cash_balance", "cash_by_currency")
                return told.model_copy(update={name: getattr(self.first, name) for name in cash})

        prices = {"A": 47, "B": 31, "C": 59, "D": 23, "E": 17, "F": 41, "G": 29, "H": 37}
        world = make_world(
            cash=11_000,
            quotes={symbol: (price, f"{price}.01") for symbol, price in prices.items()},
            weights=dict.fromkeys(prices, "0.125"),
            policy=RebalancePolicy(
                allocation_threshold_percent=Decimal("0.1"), minimum_improvement_bp=Decimal(0)
            ),
        )
        world.broker = Old(world.books)
        for symbol in prices:
            world.books.script(symbol, COMMISSION_UNTOLD)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert result.rounds > 1
        assert world.holdings.cash >= result.cash_target

    async def test_commissions_that_come_late_are_waited_for(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", COMMISSION_UNTOLD)
        await world.broker.connect()
        asyncio.get_running_loop().call_later(1, world.books.report_commissions)
        result = await world.run()
        # 65 x 0.005 and 50 x 0.005 are below the minimum of 1.
        assert result.commission == 3
        assert result.warnings == ()

    @pytest.mark.parametrize("error", [BrokerAPIError("322"), ZeroDivisionError()])
    async def test_executions_that_cannot_be_read_at_the_end_cost_no_result(
        self, error: Exception
    ) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", COMMISSION_UNTOLD)
        await world.broker.connect()
        world.books.faults.append(Fault(method="get_executions", error=error))
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert "the broker has not told the commission of 1 fills" in result.warnings

    async def test_a_commission_that_is_never_told_is_a_warning(self) -> None:
        world = make_world(**SWITCH)
        world.books.script("BBB", COMMISSION_UNTOLD)
        result = await world.run()
        assert result.status is RunStatus.DONE
        assert "the broker has not told the commission of 1 fills" in result.warnings
        assert result.orders[-1].commission is None
