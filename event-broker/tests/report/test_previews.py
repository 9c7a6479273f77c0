"""What a preview shows."""

from __future__ import annotations

import pytest

from app.report import results
from app.report.preview import show_preview
from app.report.run import show_run
from app.settings import Settings

from .conftest import ACCOUNT, COMMON, ORDER, RUN, lines


def test_a_preview_shows_account_targets_trades_cash_and_cost(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    trade = {
        "symbol": "AAA",
        "quantity": -6,
        "limit_price": None,
        "estimated_price": 50.5,
        "estimated_fee": 1,
        "reason": "50.5 % now, 20.0 % wanted",
    }
    preview = results.Preview.model_validate(
        {**COMMON, "proposed_trades": [trade], "estimated_cost": 1.3, "open_orders": [ORDER]}
    )
    show_preview(preview, settings, ACCOUNT)
    shown = lines(capsys)
    heading = " ".join(shown[0])
    for part in ("DU100", "simulation (paper account)", "Alpha Blend", "as of 2025-06-24"):
        assert part in heading
    assert shown[4][:11] == [
        "AAA",
        "10",
        "4",
        "50.50",
        "505.00",
        "50.5",
        "%",
        "20.2",
        "%",
        "20.0",
        "%",
    ]
    assert shown[5][:5] == ["BBB", "0.5", "=", "-", "-"]
    assert ["sell", "6", "AAA", "market", "303.00", "1.00"] in [line[:6] for line in shown]
    text = "\n".join(" ".join(line) for line in shown)
    assert "Cash 495.00 -> 797.12 USD Estimated cost 1.30" in text
    assert "! BBB: half a share stays" in text
    assert "Nothing was sent. To trade: tools/rebalance.sh -account DU100 -exec rebalance" in text


def test_a_preview_without_trades_says_that_nothing_is_to_be_done(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    preview = results.Preview.model_validate(
        {**COMMON, "proposed_trades": [], "estimated_cost": 0, "open_orders": []}
    )
    show_preview(preview, settings, ACCOUNT)
    assert "Nothing to do" in capsys.readouterr().out


def test_what_waits_for_money_is_not_called_on_target(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = {**COMMON, "awaited": {"amount": 500, "settles_on": "2026-01-06"}}
    preview = {**waiting, "proposed_trades": [], "estimated_cost": 0, "open_orders": []}
    run = {**RUN, **waiting, "orders": [], "status": "nothing to do"}
    run |= {"error": None, "reconciliation": None}
    show_preview(results.Preview.model_validate(preview), settings, ACCOUNT)
    show_run(results.Run.model_validate(run), settings, ACCOUNT)
    shown = capsys.readouterr().out
    assert shown.count("Nothing to do before 2026-01-06: the rest is bought when the cash") == 2
    assert "on its targets" not in shown
