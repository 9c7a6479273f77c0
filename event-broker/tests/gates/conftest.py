"""Events to be judged: a live account in the middle of a session, where every gate is open.

The sessions are those of Thanksgiving 2026 in New York, written down by hand: Wednesday, the Friday
that closes at 13:00, Monday.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.events import Command
from app.gates import Circumstances
from app.market import Sessions, TradingSession
from app.settings import Settings, load_settings

NOW = datetime(2026, 11, 25, 16, tzinfo=UTC)

Configure = Callable[..., Settings]
Judge = Callable[..., Circumstances]


@pytest.fixture
def configure(home: Path) -> Configure:
    """Settings of a mode, with the text of `config.yaml` and other variables."""

    def settings(mode: str = "live", config: str = "", **variables: str) -> Settings:
        (home / "config.yaml").write_text(config)
        return load_settings(home, {"TRADING_MODE": mode, **variables})

    return settings


@pytest.fixture
def thanksgiving() -> Sessions:
    def session(day: int, closes: int) -> TradingSession:
        return TradingSession(
            date=date(2026, 11, day),
            opens=datetime(2026, 11, day, 14, 30, tzinfo=UTC),
            closes=datetime(2026, 11, day, closes, tzinfo=UTC),
            half_day=closes == 18,
        )

    return Sessions(
        exchange="XNYS",
        begins=date(2026, 11, 25),
        ends=date(2026, 12, 1),
        sessions=(session(25, 21), session(27, 18), session(30, 21)),
    )


@pytest.fixture
def event(configure: Configure, thanksgiving: Sessions) -> Judge:
    """A live rebalance that every gate lets through, changed as a test wants it."""
    settings = configure()
    (live,) = (account for account in settings.accounts if account.type == "live")
    base = Circumstances(
        now=NOW,
        command=Command.REBALANCE,
        account=live,
        settings=settings,
        asked_at=NOW - timedelta(seconds=1),
        armed_until=NOW + timedelta(hours=8),
        sessions=thanksgiving,
    )

    def build(**changes: Any) -> Circumstances:
        account = changes.pop("account", {})
        changed = base.account.model_copy(update=account)
        return replace(base, account=changed, **changes)

    return build
