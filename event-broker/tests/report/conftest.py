"""Results written by hand, to be shown to a person."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from app.settings import Settings, load_settings
from broker_connector_base import AccountConfig, OpenOrder, OrderStatus

ACCOUNT = AccountConfig(account_id="DU100", type="paper", strategy_name="alpha")

COMMON = {
    "currency": "USD",
    "target": {"strategy": "alpha", "long_name": "Alpha Blend", "as_of": "2025-06-24"},
    "plan": {"total_value": 1000, "cash_weight_target": 0.01, "bound_bp": 0.5},
    "holdings": [
        {
            "symbol": "AAA",
            "quantity_before": 10,
            "quantity_after": 4,
            "price": 50.5,
            "value_before": 505,
            "value_after": 202,
            "weight_before": 0.505,
            "weight_after": 0.202,
            "target_weight": 0.2,
            "reason_code": "overweight",
        },
        {
            "symbol": "BBB",
            "quantity_before": 0.5,
            "quantity_after": 0.5,
            "price": None,
            "value_before": None,
            "value_after": None,
            "weight_before": None,
            "weight_after": None,
            "target_weight": 0,
            "reason_code": "fractional stub",
        },
    ],
    "cash_before": 495,
    "cash_after": 797.12,
    "cash_target": 10,
    "warnings": ["BBB: half a share stays"],
}

ORDER = OpenOrder(
    order_id="7",
    symbol="AAA",
    quantity=Decimal(-6),
    status=OrderStatus.WORKING,
    order_type="LIMIT",
    limit_price=Decimal("50.25"),
    time_in_force="DAY",
)


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings(home, {})


def lines(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The words of each line that has any."""
    return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]


RUN = {
    **COMMON,
    "started_at": "2025-06-24T14:00:00Z",
    "finished_at": "2025-06-24T14:00:02.5Z",
    "total_value": 999.12,
    "slippage": -0.004,
    "commission": 1,
    "orders": [
        {
            "symbol": "AAA",
            "quantity": -6,
            "limit_price": None,
            "filled_quantity": 6,
            "average_price": 50.51,
            "slippage": -0.06,
            "commission": None,
            "status": "FILLED",
            "message": None,
        }
    ],
}
