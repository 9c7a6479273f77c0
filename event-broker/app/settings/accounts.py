"""`accounts.yaml`: which accounts exist and which strategy each follows.

Two forms are read: `accounts:` with a list, and the first generation's bare list, which is turned
into the former with a deprecation notice.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import Field

from broker_connector_base.models import AccountConfig
from broker_connector_base.values import Value

from .account_ids import ACCOUNT_ID, is_paper_account
from .brokers import BROKERS, is_on_paper
from .errors import SettingsError
from .schedules import ScheduledAccount
from .yaml_file import Location, YamlDocument

_HOW_TO_CREATE = (
    "Create it with one entry per account:\n"
    "  accounts:\n"
    "    - account_id: DU1234567\n"
    "      type: paper\n"
    "      strategy_name: my-strategy"
)
_OLD_FORM = (
    "{name}: a bare list of accounts is the old form; write `accounts:` with account_id, type, "
    "strategy_name and cash_reserve_percent per entry"
)
_OLD_RESERVE_RANGE = (0, 10)
#: The allocation sources' own rule (`rebalance_workflow.allocation_sources`), which is too heavy to
#: load here: the name becomes part of an address or of a file's name.
_STRATEGY_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


class _OldNotification(Value):
    channel: str = Field(min_length=1)


class _OldRebalancing(Value):
    equity_reserve_percentage: object = Decimal(1)


class _OldAccount(Value):
    account_id: str = Field(min_length=1)
    notification: _OldNotification
    rebalancing: _OldRebalancing = _OldRebalancing()


def read_accounts(
    path: Path, replacement_sets: Collection[str] | None = None
) -> tuple[tuple[AccountConfig, ...], tuple[str, ...]]:
    """All configured accounts, in the file's order, and notices.

    `replacement_sets` are the sets there are; None when that is not known. Raises `SettingsError`
    listing every entry that is wrong, and for an id that appears twice.
    """
    document = YamlDocument(path, missing_hint=_HOW_TO_CREATE)
    if isinstance(document.data, list):
        entries, base, old = document.data, Location(()), True
    else:
        entries, base, old = _entries(document), ("accounts",), False
    notices: list[str] = [_OLD_FORM.format(name=path.name)] if old else []
    accounts: list[AccountConfig] = []
    problems: list[str] = []
    for index, entry in enumerate(entries):
        here = (*base, index)
        try:
            if old:
                account = _from_old_form(document, entry, here, notices)
            else:
                account = document.parse(_model(entry), entry, here)
            _check_names(document, account, here, replacement_sets)
            if any(account.account_id == other.account_id for other in accounts):
                message = f"{account.account_id} is already configured above"
                raise SettingsError([document.problem((*here, "account_id"), message)])
            accounts.append(account)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return tuple(accounts), tuple(notices)


def _model(entry: object) -> type[AccountConfig]:
    scheduled = isinstance(entry, dict) and ("schedule" in entry or "drift_check" in entry)
    return ScheduledAccount if scheduled else AccountConfig


def _check_names(
    document: YamlDocument,
    account: AccountConfig,
    here: Location,
    replacement_sets: Collection[str] | None,
) -> None:
    problems = [
        document.problem(
            (*here, key),
            f"{name!r} is not allowed: use letters, digits, '.', '_' and '-', starting with a "
            f"letter or digit, {most} characters at most",
        )
        for key, name, allowed, most in (
            ("account_id", account.account_id, ACCOUNT_ID, 64),
            ("strategy_name", account.strategy_name, _STRATEGY_NAME, 100),
        )
        if not re.fullmatch(allowed, name)
    ]
    if account.broker.lower() not in BROKERS:
        problems.append(
            document.problem(
                (*here, "broker"),
                f"there is no broker {account.broker!r}: it is {' or '.join(BROKERS)}",
            )
        )
    wanted = account.replacement_set
    if wanted and replacement_sets is not None and wanted not in replacement_sets:
        problems.append(
            document.problem(
                (*here, "replacement_set"),
                f"{wanted} is not in replacement-sets.yaml, which has "
                f"{', '.join(replacement_sets) or 'no sets'}",
            )
        )
    if is_on_paper(account) and account.type != "paper":
        problems.append(
            document.problem(
                (*here, "type"),
                f"{account.type} does not go with broker: paper, whose accounts trade no money",
            )
        )
    if problems:
        raise SettingsError(problems)


def _entries(document: YamlDocument) -> list[Any]:
    data = document.data
    if not isinstance(data, dict) or not isinstance(data.get("accounts"), list):
        raise SettingsError(
            [document.problem((), f"expected `accounts:` with a list. {_HOW_TO_CREATE}")]
        )
    unknown = [document.problem((key,), "unknown key") for key in data if key != "accounts"]
    if unknown:
        raise SettingsError(unknown)
    entries: list[Any] = data["accounts"]
    if not entries:
        raise SettingsError([document.problem(("accounts",), f"is empty. {_HOW_TO_CREATE}")])
    return entries


def _from_old_form(
    document: YamlDocument, entry: object, here: Location, notices: list[str]
) -> AccountConfig:
    old = document.parse(_OldAccount, entry, here)
    reserve = _percentage(old.rebalancing.equity_reserve_percentage)
    if reserve is None:
        notices.append(
            document.problem(
                (*here, "rebalancing", "equity_reserve_percentage"),
                f"{old.rebalancing.equity_reserve_percentage} is outside 0 to 10; 1 is used",
            )
        )
    return AccountConfig(
        account_id=old.account_id,
        # The old form has no type: it was one list for whatever mode the service ran in.
        type="paper" if is_paper_account(old.account_id) else "live",
        strategy_name=old.notification.channel,
        cash_reserve_percent=Decimal(1) if reserve is None else reserve,
    )


def _percentage(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    low, high = _OLD_RESERVE_RANGE
    return Decimal(str(value)) if low <= value <= high else None
