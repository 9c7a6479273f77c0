"""`accounts.yaml` in both forms."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from app.settings.accounts import read_accounts
from app.settings.errors import SettingsError
from app.switches import ACCOUNT_PATTERN
from broker_connector_base import AccountConfig
from rebalance_workflow import AllocationSourceError, FileAllocationSource

REPOSITORY = Path(__file__).resolve().parents[2]


def read(tmp_path: Path, text: str) -> tuple[tuple[AccountConfig, ...], tuple[str, ...]]:
    path = tmp_path / "accounts.yaml"
    path.write_text(text)
    return read_accounts(path)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    return caught.value.problems


def test_every_key_of_an_account_is_read(tmp_path: Path) -> None:
    accounts, notices = read(
        tmp_path,
        """\
accounts:
  - account_id: DU1
    type: paper
    enabled: false
    strategy_name: alpha
    cash_reserve_percent: 2.5
    replacement_set: ira
    pdt_protection_enabled: true
""",
    )
    assert accounts == (
        AccountConfig(
            account_id="DU1",
            type="paper",
            enabled=False,
            strategy_name="alpha",
            cash_reserve_percent=Decimal("2.5"),
            replacement_set="ira",
            pdt_protection_enabled=True,
        ),
    )
    assert notices == ()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", ".hidden", "a b", "x" * 101])
async def test_a_strategy_that_is_no_plain_name_is_refused(tmp_path: Path, name: str) -> None:
    text = f"accounts:\n  - account_id: DU1\n    type: paper\n    strategy_name: {name}\n"
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"accounts.yaml:4: accounts[0].strategy_name: {name!r} is not allow")
    # As the allocation sources have it.
    with pytest.raises(AllocationSourceError):
        await FileAllocationSource(tmp_path).fetch(name)


@pytest.mark.parametrize("name", ["../../etc", "DU 1", "DU 1/ä", "x" * 65])
def test_an_account_id_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str) -> None:
    text = f"accounts:\n  - strategy_name: alpha\n    type: paper\n    account_id: {name}\n"
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"accounts.yaml:4: accounts[0].account_id: {name!r} is not allowed")
    # As the API has it.
    assert not re.fullmatch(ACCOUNT_PATTERN, name)


def test_a_broker_that_there_is_no_connector_for_is_refused(tmp_path: Path) -> None:
    account = "  - account_id: DU1\n    type: paper\n    strategy_name: a\n    broker: "
    assert problems(tmp_path, f"accounts:\n{account}papr\n") == (
        "accounts.yaml:5: accounts[0].broker: there is no broker 'papr': it is ibkr or paper",
    )


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("!!python/object/apply:os.system [true]", "!!python/object/apply:os.system"),
        ("!!python/name:os.system ''", "!!python/name:os.system"),
        ("!!binary aGVsbG8=", "!!binary"),
        ("!mine {a: 1}", "!mine"),
    ],
)
def test_a_tag_is_refused_by_name(tmp_path: Path, tag: str, shown: str) -> None:
    (problem,) = problems(tmp_path, f"accounts:\n  - account_id: DU1\n    type: {tag}\n")
    assert problem == (
        f"accounts.yaml:3: accounts[0].type: the tag {shown} is not allowed: write a plain value"
    )


@pytest.mark.parametrize("data", [b"a: 1\nb: \xff\n", b"a: 1\nb: \x00\n", b"a: 1\nb: \x1b\n"])
def test_what_is_not_text_is_refused_with_its_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=r"^accounts\.yaml:2: not text: "):
        read_accounts(path)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    entry = "{account_id: DU1, type: paper, strategy_name: alpha}"
    (account,), _ = read(tmp_path, f"\ufeffaccounts: [{entry}]\n")
    assert account.account_id == "DU1"


def test_the_shipped_accounts_can_be_read() -> None:
    accounts, notices = read_accounts(REPOSITORY / "accounts.yaml")
    assert [account.account_id for account in accounts] == ["DUM959247", "DU789012", "DU555555"]
    assert notices == ()


def test_a_missing_file_says_how_to_create_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_accounts(tmp_path / "accounts.yaml")
    message = str(caught.value)
    assert "accounts.yaml: no such file. Create it" in message
    assert "strategy_name:" in message


def test_an_account_configured_twice_is_refused(tmp_path: Path) -> None:
    one = "  - {account_id: DU1, type: paper, strategy_name: a}\n"
    assert problems(tmp_path, f"accounts:\n{one}{one}") == (
        "accounts.yaml:3: accounts[1].account_id: DU1 is already configured above",
    )


def test_every_wrong_entry_is_told_with_its_line(tmp_path: Path) -> None:
    text = """\
accounts:
  - account_id: DU1
    type: demo
    strategy_name: alpha
  - account_id: DU2
    type: paper
  - account_id: DU3
    type: paper
    strategy_name: alpha
    colour: red
  - account_id: 4711
    type: paper
    strategy_name: alpha
    cash_reserve_percent: 101
  - nonsense
"""
    assert problems(tmp_path, text) == (
        "accounts.yaml:3: accounts[0].type: should be 'paper' or 'live', not 'demo'",
        "accounts.yaml:5: accounts[1].strategy_name: is missing",
        "accounts.yaml:10: accounts[2].colour: unknown key",
        'accounts.yaml:11: accounts[3].account_id: should be text: write "4711" in quotes',
        "accounts.yaml:14: accounts[3].cash_reserve_percent: "
        "should be less than or equal to 100, not 101",
        "accounts.yaml:15: accounts[4]: should be keys with values (key: value), not 'nonsense'",
    )


@pytest.mark.parametrize("text", ["", "accounts:\n", "account:\n  - x\n", "accounts: {}\n", "x\n"])
def test_a_file_without_a_list_of_accounts_is_refused(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert "expected `accounts:` with a list" in problem


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "accounts: []\n")
    assert problem.startswith("accounts.yaml:1: accounts: is empty.")


def test_an_unknown_key_beside_the_list_is_refused(tmp_path: Path) -> None:
    text = "accounts:\n  - {account_id: DU1, type: paper, strategy_name: a}\ndefaults: {}\n"
    assert problems(tmp_path, text) == ("accounts.yaml:3: defaults: unknown key",)


OLD_FORM = """\
- account_id: "DU123456"
  notification:
    channel: "strategy-name-100"
  rebalancing:
    equity_reserve_percentage: 2.5
- account_id: "U789012"
  notification:
    channel: "strategy-name-200"
"""


def test_the_old_form_is_read_with_a_notice(tmp_path: Path) -> None:
    accounts, notices = read(tmp_path, OLD_FORM)
    assert accounts == (
        AccountConfig(
            account_id="DU123456",
            type="paper",
            strategy_name="strategy-name-100",
            cash_reserve_percent=Decimal("2.5"),
        ),
        AccountConfig(
            account_id="U789012",
            type="live",
            strategy_name="strategy-name-200",
            cash_reserve_percent=Decimal(1),
        ),
    )
    assert len(notices) == 1
    assert "old form" in notices[0]


@pytest.mark.parametrize("reserve", ["10.5", "-1", "lots", "true"])
def test_an_old_reserve_outside_0_to_10_becomes_1_with_a_warning(
    tmp_path: Path, reserve: str
) -> None:
    accounts, notices = read(tmp_path, OLD_FORM.replace("2.5", reserve))
    assert accounts[0].cash_reserve_percent == 1
    assert notices[1].startswith("accounts.yaml:5: [0].rebalancing.equity_reserve_percentage: ")
    assert notices[1].endswith("is outside 0 to 10; 1 is used")


@pytest.mark.parametrize("reserve", ["0", "10"])
def test_an_old_reserve_at_the_ends_of_its_range_is_kept(tmp_path: Path, reserve: str) -> None:
    accounts, notices = read(tmp_path, OLD_FORM.replace("2.5", reserve))
    assert accounts[0].cash_reserve_percent == int(reserve)
    assert len(notices) == 1


def test_an_unknown_key_of_the_old_form_is_refused(tmp_path: Path) -> None:
    text = OLD_FORM.replace("channel:", "chanel:", 1)
    assert problems(tmp_path, text) == (
        "accounts.yaml:2: [0].notification.channel: is missing",
        "accounts.yaml:3: [0].notification.chanel: unknown key; did you mean channel?",
    )
