"""`accounts.yaml` of the first generation, a bare list, as the form that is read today.

The accounts have been read and checked; here they are written down. Comments are kept: those of an
account stand above it, each on a line of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from app.settings.yaml_file import YamlDocument
from broker_connector_base.models import AccountConfig

from .text import comments, is_idle

#: What YAML reads as text without quotes, and not as a number or a word of its own.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def in_current_form(path: Path, text: str, accounts: Sequence[AccountConfig]) -> str:
    """The file's new text; the text itself when it has the current form."""
    document = YamlDocument(path, missing_hint="")
    if not isinstance(document.data, list):
        return text
    remarks = comments(text)
    starts = [document.line((index,)) for index in range(len(accounts))]
    # What stands right above an entry belongs to it.
    ends = [*(_above(text, start) for start in starts[1:]), len(text.splitlines()) + 1]
    starts = [starts[0], *ends[:-1]]
    lines = [remark for number, remark in remarks.items() if number < starts[0]]
    lines.append("accounts:")
    for account, start, end in zip(accounts, starts, ends, strict=True):
        lines += [f"  {remarks[number]}" for number in range(start, end) if number in remarks]
        lines += _entry(account)
    return "".join(f"{line}\n" for line in lines)


def _entry(account: AccountConfig) -> tuple[str, ...]:
    return (
        f"  - account_id: {_scalar(account.account_id)}",
        f"    type: {account.type}",
        f"    strategy_name: {_scalar(account.strategy_name)}",
        f"    cash_reserve_percent: {account.cash_reserve_percent}",
    )


def _above(text: str, line: int) -> int:
    lines = text.splitlines()
    while is_idle(lines[line - 2]):
        line -= 1
    return line


def _scalar(value: str) -> str:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value)
