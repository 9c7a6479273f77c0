"""Whether mode, account and port all mean paper, or all mean live.

Pure: nothing is connected. A mistake here would send practice orders to the market, so it is looked
for before anything else and never guessed away.
"""

from __future__ import annotations

from typing import NamedTuple

from broker_connector_base.models import AccountConfig

from .account_ids import is_paper_account
from .environment import TradingMode
from .settings import Settings

#: IB Gateway, the usual container's outer port, TWS (TWS API guide, "TWS Settings").
LIVE_PORTS = frozenset({4001, 4003, 7496})
PAPER_PORTS = frozenset({4002, 4004, 7497})


class Disagreement(NamedTuple):
    """What contradicts what, and what to change."""

    what: str
    fix: str


def disagreement(settings: Settings, account: AccountConfig) -> Disagreement | None:
    """The first contradiction; None when everything agrees."""
    account_id = account.account_id
    looks_paper = is_paper_account(account_id)
    if looks_paper != (account.type == "paper"):
        kind = "a paper" if looks_paper else "not a paper"
        return Disagreement(
            f"{account_id} is {kind} account by its id but accounts.yaml says type: {account.type}",
            "correct the id or the type",
        )
    if settings.mode is TradingMode.SIMULATION:
        return None
    port = settings.gateway_port
    wrong = PAPER_PORTS if settings.mode is TradingMode.LIVE else LIVE_PORTS
    if port in wrong:
        other = "paper" if settings.mode is TradingMode.LIVE else "live"
        return Disagreement(
            f"{account_id} is a {account.type} account and TRADING_MODE={settings.mode}, but "
            f"IB_PORT {port} is a {other} gateway's port",
            "correct IB_PORT or TRADING_MODE",
        )
    return None
