"""How accounts are rebalanced: the trading section of config.yaml as one value.

Names, ranges and defaults are those that users of earlier versions know. It maps to the
calculator's `PlanPolicy`, which knows an account's reserve and the instruments' steps as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from broker_connector_base.models import AccountConfig, Instrument
from broker_connector_base.values import NotNegative, Number, Positive, Value
from rebalance_calculator import CommissionModel, PlanPolicy

Seconds = Annotated[float, Field(gt=0)]

#: IBKR Pro, fixed pricing, US stocks: interactivebrokers.com, Commissions, Stocks, "Fixed".
IBKR_FIXED = CommissionModel(per_share=Decimal("0.005"), minimum=Decimal(1), percent_cap=Decimal(1))


class RebalancePolicy(Value):
    """Knobs of a rebalance; every account uses the same."""

    #: Buys are limited to the ask plus so many percent.
    buy_slippage_percent: Annotated[Number, Field(ge=Decimal("0.1"), le=5)] = Decimal("0.5")
    #: Time in force of buys. Sells are market orders and always DAY: a market order must not
    #: wait for another session. GTD is not offered, no end date could be given with it.
    order_tif: Literal["DAY", "GTC", "IOC"] = "DAY"
    #: Least cash that stays, account currency; the account's percentage may ask for more.
    minimum_cash_reserve_usd: Annotated[Number, Field(ge=0, le=1000)] = Decimal(100)
    #: A target missed by less than so many percentage points of weight is not traded.
    allocation_threshold_percent: Annotated[Number, Field(ge=0, le=5)] = Decimal("0.5")
    #: A plan that improves the account by less is not worth its trades, basis points.
    minimum_improvement_bp: NotNegative = Decimal(1)
    #: Smallest order by value, account currency; sales of what has no target are exempt.
    minimum_trade_value: NotNegative = Decimal(0)
    commission: CommissionModel = IBKR_FIXED
    #: Quotes with a wider spread are refused, percent of the mid.
    max_spread_percent: Positive | None = Decimal(5)
    #: Quotes farther from the last close are refused, percent; leveraged funds can move 30 a day.
    max_close_deviation_percent: Positive | None = Decimal(40)
    #: Trade on delayed or frozen quotes as well; a preview always may.
    allow_delayed_quotes: bool = False
    #: Orders in an affected symbol that no rebalance placed: stop, or cancel those of this session.
    foreign_orders: Literal["stop", "cancel"] = "stop"
    #: How often buys may be topped up with cash that came back, the first round included.
    max_rounds: Annotated[int, Field(ge=1, le=10)] = 3
    #: How long orders may work before they are cancelled.
    order_timeout_seconds: Annotated[float, Field(ge=60, le=600)] = 300
    #: How long a cancellation may take to be confirmed.
    cancel_timeout_seconds: Seconds = 60
    #: How long the account may take to show a fill.
    settle_timeout_seconds: Seconds = 30
    #: How long commissions are waited for at the end.
    commission_timeout_seconds: Seconds = 2
    #: How long a lost session is tried to be restored.
    reconnect_timeout_seconds: Seconds = 60

    def plan_policy(
        self,
        account: AccountConfig,
        instruments: Iterable[Instrument],
        *,
        live: bool,
    ) -> PlanPolicy:
        """The calculator's policy for one account; `live` says that orders may follow."""
        listed = tuple(instruments)
        return PlanPolicy(
            cash_reserve_percent=account.cash_reserve_percent,
            minimum_cash_reserve=self.minimum_cash_reserve_usd,
            buy_slippage_percent=self.buy_slippage_percent,
            commission=self.commission,
            lots={instrument.symbol: instrument.lot_size for instrument in listed},
            min_trade_value=self.minimum_trade_value,
            drift_band_percent=self.allocation_threshold_percent,
            minimum_improvement_bp=self.minimum_improvement_bp,
            ticks={instrument.symbol: instrument.min_tick for instrument in listed},
            max_spread_percent=self.max_spread_percent,
            max_close_deviation_percent=self.max_close_deviation_percent,
            live_quotes_only=live and not self.allow_delayed_quotes,
        )
