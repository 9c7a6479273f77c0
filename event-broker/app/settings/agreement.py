"""Whether mode, account, port and login all mean paper, or all mean live.

Pure: nothing is connected. A mistake here would send practice orders to the market, so it is looked
for before anything else and never guessed away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from broker_connector_base.models import AccountConfig

from .account_ids import is_paper_account
from .brokers import is_on_paper
from .environment import TradingMode
from .settings import Settings

#: IB Gateway, the usual container's outer port, TWS (TWS API guide, "TWS Settings").
LIVE_PORTS = frozenset({4001, 4003, 7496})
PAPER_PORTS = frozenset({4002, 4004, 7497})


class Disagreement(NamedTuple):
    """What contradicts what, and what to change."""

    what: str
    fix: str


def disagreement(
    settings: Settings, account: AccountConfig, gateway_accounts: Sequence[str] = ()
) -> Disagreement | None:
    """The first contradiction; None when everything agrees.

    `gateway_accounts` are the ids of the gateway's login, as far as they are known yet.
    """
    account_id = account.account_id
    looks_paper = is_paper_account(account_id) or is_on_paper(account)
    if looks_paper != (account.type == "paper"):
        kind = "a paper" if looks_paper else "not a paper"
        return Disagreement(
            f"{account_id} is {kind} account by its id but accounts.yaml says type: {account.type}",
            "correct the id or the type",
        )
    if account.type != settings.account_type:
        return Disagreement(
            f"{account_id} is a {account.type} account and TRADING_MODE={settings.mode} processes "
            f"{settings.account_type} accounts only",
            "correct TRADING_MODE or choose another account",
        )
    if is_on_paper(account):
        return None
    return _wrong_port(settings, account) or _wrong_login(settings, gateway_accounts)


def _wrong_port(settings: Settings, account: AccountConfig) -> Disagreement | None:
    if settings.mode is TradingMode.SIMULATION:
        return None
    port = settings.gateway_port
    wrong = PAPER_PORTS if settings.mode is TradingMode.LIVE else LIVE_PORTS
    if port not in wrong:
        return None
    other = "paper" if settings.mode is TradingMode.LIVE else "live"
    return Disagreement(
        f"{account.account_id} is a {account.type} account and TRADING_MODE={settings.mode}, but "
        f"IB_PORT {port} is a {other} gateway's port",
        "correct IB_PORT or TRADING_MODE",
    )


def _wrong_login(settings: Settings, gateway_accounts: Sequence[str]) -> Disagreement | None:
    live = settings.mode is TradingMode.LIVE
    wrong = [name for name in gateway_accounts if is_paper_account(name) is live]
    if not wrong:
        return None
    return Disagreement(
        f"TRADING_MODE={settings.mode}, but the gateway is logged in to the "
        f"{'paper' if live else 'live'} accounts {', '.join(wrong)}",
        "log the gateway in with the other user, or correct TRADING_MODE",
    )
