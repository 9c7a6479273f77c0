"""Gateways that are away, wrong or unwilling: one clear line, nothing sent."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from app import simulation
from ibkr_connector import IBKRClient

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance

#: Never asked: these gateways fail before the allocations matter.
URL = "http://127.0.0.1:9/allocations"


def test_a_gateway_that_is_down(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    gateway = {"TRADING_MODE": "paper", "IB_PORT": str(port), "ALLOCATIONS_BASE_URL": URL}
    failed = shell.run("positions", "-account", "DUM959247", **gateway)
    assert failed.code == 1
    assert failed.output == ""
    assert f"127.0.0.1:{port}" in failed.errors


def test_an_account_that_the_gateway_does_not_have(shell: Shell) -> None:
    accounts = shell.home / "accounts.yaml"
    accounts.write_text(
        "accounts:\n  - {account_id: DU1, type: paper, strategy_name: etf-blend-301-20}\n"
    )
    refused = shell.rebalance("-account", "DU1", "-exec", "rebalance", "--json")
    assert refused.code == 1
    error = refused.document["error"]
    assert error["kind"] == "AccountNotFound"
    assert "DUM959247" in error["message"], "it lists the accounts that are there"


async def test_a_client_id_that_is_taken(shell: Shell) -> None:
    (shell.home / "data").mkdir()
    (shell.home / "data" / "client-ids.json").write_text('{"DUM959247/trade": 77}')
    with simulation.acquire(shell.home / "data" / "simulator") as lease:
        other = IBKRClient(77, host=lease.host, port=lease.port)
        await other.connect()
        process = shell.start("rebalance.sh", "-account", "DUM959247", "--json")
        refused = shell.finish(process)
        await other.disconnect()
    assert refused.code == 1
    assert refused.document["error"]["kind"] == "ClientIdInUse"
    assert "77" in refused.document["error"]["message"]
