"""A paper account, through the shipped commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance

ACCOUNTS = """\
accounts:
  - {account_id: MY-PAPER-1, type: paper, broker: paper, strategy_name: global-core-60-40}
"""


def test_it_trades_remembers_and_is_reset_without_a_gateway(shell: Shell) -> None:
    (shell.home / "accounts.yaml").write_text(ACCOUNTS)
    traded = shell.rebalance("-account", "MY-PAPER-1", "-exec", "rebalance")
    assert traded.code == 0, traded.errors
    for part in ("MY-PAPER-1", "Slippage", "Reconciliation: positions and cash", "Done."):
        assert part in traded.output

    held = shell.run("positions", "-account", "MY-PAPER-1", "--json").document["result"]
    assert {p["symbol"] for p in held["positions"]} == {"IVV", "VEA", "VWO", "AGG", "IWM"}
    # All but the reserve of 1 %, less what 0.1 % of commission and 0.05 % of slippage took.
    assert 0 < held["cash_balance"] < 2_000
    assert 98_500 < held["total_value"] < 100_500

    reset = shell.rebalance("--reset-demo", "-account", "MY-PAPER-1", "--json")
    assert reset.code == 0, reset.errors
    assert reset.document["result"]["cash_before"] == 100_000
    assert not (shell.home / "data" / "simulator" / "state.json").exists()
