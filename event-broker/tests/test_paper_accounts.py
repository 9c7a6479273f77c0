"""Accounts with `broker: paper`: every operation, in both modes, and nobody to connect to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import simulation
from app.account_process.messages import AccountJob, Operation, StrategyJob
from app.account_process.operations import describe_failure, perform
from app.cli import parse
from app.commands.session import open_session, read_settings
from app.settings import SettingsError, disagreement, load_settings, select_account
from app.settings.config import Config, read_config
from app.trading.broker_factory import (
    UnsupportedBroker,
    create_broker_client,
    create_policy,
    session_name,
)
from broker_connector_base import AccountConfig
from rebalance_workflow import AccountLock

REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNT = "MY-PAPER-1"
ACCOUNTS = """\
accounts:
  - {account_id: MY-PAPER-1, type: paper, broker: paper, strategy_name: global-core-60-40}
  - {account_id: MY-PAPER-2, type: paper, broker: Paper, strategy_name: global-core-60-40}
  - {account_id: DU789012, type: paper, strategy_name: another}
"""
#: Nobody listens there.
NOWHERE = "127.0.0.1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    (tmp_path / "config.yaml").write_text("paper:\n  quotes: standing\n")
    shutil.copytree(REPOSITORY / "demo", tmp_path / "demo")
    return tmp_path


MakeJob = Callable[..., AccountJob]


@pytest.fixture
def make_job(home: Path) -> MakeJob:
    def make(operation: Operation, **variables: str) -> AccountJob:
        settings = load_settings(home, variables)
        return AccountJob(
            operation=operation,
            account=select_account(settings, ACCOUNT),
            settings=settings,
            client_id=1001 if operation is Operation.REBALANCE else 1002,
            lock_timeout_seconds=5,
            host=NOWHERE,
            port=1,
        )

    return make


def ignore(_: bytes) -> None:
    """Progress that nobody watches."""


async def result(job: AccountJob | StrategyJob) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(await perform(job, ignore))
    return document


# --- operations ----------------------------------------------------------------------------------


async def test_what_was_previewed_is_traded_and_then_nothing_is_left_to_do(
    make_job: MakeJob,
) -> None:
    previewed = await result(make_job(Operation.PREVIEW))
    ran = await result(make_job(Operation.REBALANCE))
    assert ran["status"] == "done", ran["error"]
    assert {o["symbol"]: o["quantity"] for o in previewed["proposed_trades"]}.keys() == {
        o["symbol"] for o in ran["orders"]
    }
    assert ran["reconciliation"]["verdict"] == "match"
    assert ran["cash_after"] >= ran["cash_target"]
    again = await result(make_job(Operation.PREVIEW))
    assert again["proposed_trades"] == []


async def test_what_one_operation_did_the_next_one_sees(make_job: MakeJob, home: Path) -> None:
    empty = await result(make_job(Operation.POSITIONS))
    assert (empty["positions"], empty["cash_balance"]) == ([], 100_000)
    ran = await result(make_job(Operation.REBALANCE))
    held = await result(make_job(Operation.EQUITY))
    assert held["cash_balance"] == ran["cash_after"]
    orders = await result(make_job(Operation.ORDERS))
    assert orders["orders"] == []
    cancelled = await result(make_job(Operation.CANCEL_ORDERS))
    assert cancelled["still_working"] == []
    assert (home / "data" / "simulation" / "paper" / ACCOUNT / "state.json").is_file()


@pytest.mark.parametrize("mode", ["simulation", "paper"])
async def test_the_doctor_finds_it_well_without_a_gateway(make_job: MakeJob, mode: str) -> None:
    variables = {"TRADING_MODE": mode}
    if mode == "paper":
        # The port of a live gateway: nothing of it concerns this account.
        variables["IB_PORT"] = "4001"
    checks = (await result(make_job(Operation.DIAGNOSE, **variables)))["checks"]
    verdicts = {check["name"]: check["verdict"] for check in checks}
    assert verdicts.pop("allocations") == ("ok" if mode == "simulation" else "failed")
    assert set(verdicts.values()) == {"ok"}, checks


async def test_each_mode_keeps_an_account_of_its_own(make_job: MakeJob, home: Path) -> None:
    await result(make_job(Operation.REBALANCE))
    other = await result(make_job(Operation.POSITIONS, TRADING_MODE="paper"))
    assert other["positions"] == []
    assert (home / "data" / "paper" / "paper" / ACCOUNT / "state.json").is_file()


async def test_accounts_of_one_strategy_are_previewed_each_from_its_own_books(
    make_job: MakeJob, home: Path
) -> None:
    await result(make_job(Operation.REBALANCE))
    settings = load_settings(home, {})
    preview = await result(
        StrategyJob(
            strategy_name="global-core-60-40",
            accounts=tuple(select_account(settings, f"MY-PAPER-{n}") for n in (1, 2)),
            settings=settings,
            client_id=1003,
            lock_timeout_seconds=5,
            host=NOWHERE,
            port=1,
        )
    )
    rows = {row["account_id"]: row for row in preview["accounts"]}
    assert rows["MY-PAPER-1"]["error"] is rows["MY-PAPER-2"]["error"] is None
    assert rows["MY-PAPER-2"]["figures"]["proposed_trades"]
    assert not rows["MY-PAPER-1"]["figures"]["proposed_trades"]


async def test_changed_terms_are_refused_with_what_to_do(make_job: MakeJob, home: Path) -> None:
    await result(make_job(Operation.POSITIONS))
    (home / "config.yaml").write_text("paper: {initial_balance: 5, quotes: standing}\n")
    job = make_job(Operation.POSITIONS)
    with pytest.raises(Exception, match="initial_balance was 100000 and is 5") as refused:
        await perform(job, ignore)
    failure = describe_failure(job, refused.value)
    assert failure.attention is None
    assert not failure.passing
    assert "delete" in failure.message


# --- commands ------------------------------------------------------------------------------------


def test_a_command_on_a_paper_account_starts_no_simulator(home: Path) -> None:
    settings = read_settings({"REBALANCER_HOME": str(home)})
    with open_session(parse(["positions", "-account", ACCOUNT]), settings) as session:
        session.gateway()
    assert not (home / "data" / "simulator").exists()


def test_a_reset_forgets_paper_accounts_too_but_not_while_one_is_in_use(home: Path) -> None:
    settings = load_settings(home, {})
    books = settings.state_directory / "paper" / ACCOUNT
    books.mkdir(parents=True)
    (books / "state.json").touch()

    def reset() -> None:
        simulation.reset(
            settings.simulator_directory, settings.state_directory, locks=settings.lock_directory
        )

    with (
        AccountLock(settings.lock_directory, ACCOUNT),
        pytest.raises(simulation.SimulationError, match=r"MY-PAPER-1\.lock.*nothing was reset"),
    ):
        reset()
    assert books.exists()
    reset()
    assert not books.exists()


# --- settings ------------------------------------------------------------------------------------


def paper(**fields: Any) -> AccountConfig:
    terms = {"account_id": "X", "type": "paper", "broker": "paper", "strategy_name": "s", **fields}
    return AccountConfig.model_validate(terms)


def test_any_id_will_do_for_a_paper_account_but_it_is_never_live(home: Path) -> None:
    settings = load_settings(home, {})
    assert disagreement(settings, paper(), ["X"]) is None
    found = disagreement(settings, paper(type="live"))
    assert found is not None
    assert "type: live" in found.what
    live = load_settings(
        home, {"TRADING_MODE": "live", "ALLOCATIONS_BASE_URL": "https://a.example.com"}
    )
    refused = disagreement(live, paper())
    assert refused is not None
    assert "TRADING_MODE=live processes live accounts only" in refused.what


def test_a_live_paper_account_is_refused_with_its_line(home: Path) -> None:
    (home / "accounts.yaml").write_text(
        "accounts:\n  - account_id: X\n    broker: paper\n    type: live\n    strategy_name: s\n"
    )
    with pytest.raises(SettingsError) as refused:
        load_settings(home, {})
    assert refused.value.problems == (
        "accounts.yaml:4: accounts[0].type: live does not go with broker: paper, whose accounts "
        "trade no money",
    )


def problems(home: Path, text: str) -> tuple[str, ...]:
    (home / "config.yaml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        read_config(home / "config.yaml")
    return refused.value.problems


def test_the_defaults_are_those_of_the_paper_trading_design() -> None:
    defaults = Config().paper.model_dump(mode="json")
    assert defaults == {
        "initial_balance": 100_000,
        "latency_ms": 50,
        "slippage_model": "percentage",
        "slippage_value": 0.0005,
        "commission_rate": 0.001,
        "market": "demo",
        "quotes": "moving",
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("initial_balance", "0"),
        ("latency_ms", "5001"),
        ("slippage_model", "random"),
        ("slippage_value", "-0.1"),
        ("commission_rate", "0.06"),
        ("market", "nowhere.yaml"),
        ("quotes", "nowhere.csv"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_its_line(
    home: Path, key: str, value: str
) -> None:
    (problem,) = problems(home, f"paper:\n  # a comment\n  {key}: {value}\n")
    assert problem.startswith(f"config.yaml:3: paper.{key}: ")


def test_slippage_in_percent_of_the_price_has_a_bound_and_in_dollars_has_not(home: Path) -> None:
    (problem,) = problems(home, "paper:\n  slippage_value: 0.25\n")
    assert "slippage_value 0.25 is a fraction of the price" in problem
    (home / "config.yaml").write_text("paper: {slippage_value: 0.25, slippage_model: fixed}\n")
    assert read_config(home / "config.yaml")[0].paper.slippage_model == "fixed"


async def test_market_and_tape_are_files_beside_the_settings(home: Path) -> None:
    shutil.copy(
        REPOSITORY / "packages/simulated-exchange/src/simulated_exchange/scenarios/demo.yaml",
        home / "market.yaml",
    )
    (home / "tape.csv").write_text("time,symbol,bid,ask\n2020-01-01T00:00Z,SPY,1.00,1.01\n")
    (home / "config.yaml").write_text("paper: {market: market.yaml, quotes: tape.csv}\n")
    settings = load_settings(home, {})
    client = create_broker_client(
        select_account(settings, ACCOUNT), 1, settings=settings, host="", port=1
    )
    await client.connect()
    (quote,) = await client.get_multiple_market_prices(["SPY"])
    await client.disconnect()
    assert str(quote.ask) == "1.01"


# --- the factory ---------------------------------------------------------------------------------


def test_a_broker_that_there_is_not_is_named_with_those_that_there_are(home: Path) -> None:
    settings = load_settings(home, {})
    with pytest.raises(UnsupportedBroker, match=r"no broker 'papr'; supported: ibkr, paper"):
        create_broker_client(paper(broker="papr"), 1, settings=settings, host="", port=1)


def test_a_plan_reckons_with_what_the_broker_charges(home: Path) -> None:
    settings = load_settings(home, {})
    on_paper = create_policy(settings, paper()).commission
    at_ib = create_policy(settings, paper(broker="ibkr")).commission
    assert float(on_paper.fee(10, 100)) == 1.0  # type: ignore[arg-type]
    assert float(at_ib.fee(1000, 100)) == 5.0  # type: ignore[arg-type]


def test_accounts_at_one_gateway_share_a_session_and_paper_accounts_do_not() -> None:
    assert session_name(paper(broker="ibkr")) == session_name(paper(broker="IBKR", account_id="Y"))
    assert session_name(paper()) != session_name(paper(account_id="Y"))
