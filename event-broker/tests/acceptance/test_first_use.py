"""What a new user does first, in the order in which it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance

ACCOUNT = "DUM959247"


def trades(document: dict[str, Any]) -> list[tuple[str, float]]:
    return [(t["symbol"], t["quantity"]) for t in document["result"]["proposed_trades"]]


def test_preview_trade_and_nothing_left_to_do(shell: Shell) -> None:
    shown = shell.rebalance("-account", ACCOUNT)
    assert shown.code == 0, shown.errors
    for part in (
        ACCOUNT,
        "simulation",
        "ETF Blend 301-20",
        "2025-06-24",
        "GLD",
        "Nothing was sent",
    ):
        assert part in shown.output
    assert max(map(len, shown.output.splitlines())) <= 100

    previewed = shell.rebalance("--account", ACCOUNT, "--json").document
    assert previewed["exit_code"] == 0
    assert previewed["mode"] == "simulation"
    proposed = trades(previewed)
    # GLD belongs to no target; the strategy's largest line is the most underweight one.
    assert ("GLD", -12) in proposed
    assert dict(proposed)["BTAL"] > 0

    traded = shell.rebalance("-account", ACCOUNT, "-exec", "rebalance", "--json")
    assert traded.code == 0, traded.errors
    result = traded.document["result"]
    assert result["status"] == "done"
    # With unchanged quotes, what was previewed is what was traded.
    assert sorted((o["symbol"], o["quantity"]) for o in result["orders"]) == sorted(proposed)
    assert all(order["status"] == "FILLED" for order in result["orders"])
    assert sum(fill["quantity"] for fill in result["fills"] if fill["symbol"] == "GLD") == -12
    assert result["reconciliation"]["verdict"] == "match"
    assert result["cash_after"] >= result["cash_target"]

    again = shell.rebalance("-account", ACCOUNT)
    assert again.code == 0
    assert "Nothing to do" in again.output
    idle = shell.rebalance("-account", ACCOUNT, "-exec", "rebalance", "--json").document
    assert idle["result"]["status"] == "nothing to do"
    assert idle["result"]["orders"] == []

    reset = shell.rebalance("--reset-demo", "-account", ACCOUNT, "--json")
    assert reset.code == 0
    assert trades(reset.document) == proposed


def test_an_execution_shows_its_progress_and_its_verdict(shell: Shell) -> None:
    traded = shell.rebalance("-account", "DU555555", "-exec", "rebalance")
    assert traded.code == 0, traded.errors
    assert "buying" in traded.errors
    assert "PDBC" in traded.output, "the account buys what its replacement set names"
    assert "! DBC 12.00 % replaced by PDBC" in traded.output
    for part in ("Slippage", "Commission", "Reconciliation: positions and cash", "Done."):
        assert part in traded.output


def test_an_unknown_account_is_one_clear_line(shell: Shell) -> None:
    refused = shell.rebalance("-account", "INVALID123")
    assert refused.code == 2
    assert refused.output == ""
    assert refused.errors == (
        "error: account INVALID123 is not configured; "
        "accounts.yaml has DUM959247, DU789012, DU555555\n"
    )
    assert not (shell.home / "data" / "simulator").exists()


def test_a_directory_of_the_same_name_is_not_in_the_way(shell: Shell) -> None:
    (shell.home / "app").mkdir()
    (shell.home / "app" / "__init__.py").write_text("raise SystemExit(9)")
    assert shell.rebalance("-account", "INVALID123").code == 2


def test_the_help_tells_the_exit_codes(shell: Shell) -> None:
    helped = shell.rebalance("--help")
    assert helped.code == 0
    for line in ("0  done", "1  failed", "2  bad input", "3  needs attention"):
        assert line in helped.output
