"""Everything that decides whether an event may trade now, as one value. It reads nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.events import Command
from app.market import Sessions, TradingSession
from app.settings import Settings
from broker_connector_base.models import AccountConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """One event at one moment; times are aware UTC."""

    now: datetime
    command: Command
    account: AccountConfig
    settings: Settings
    #: When the latest arrival that the event stands for came.
    asked_at: datetime
    #: Until when it was last held because the broker's own hours said closed; None if never.
    closed_until: datetime | None = None
    #: Who paused what and why, for people; None when trading goes on.
    paused: str | None = None
    #: Until when live trading is armed; None when it is not.
    armed_until: datetime | None = None
    #: None where no exchange matters: the simulation's market never closes.
    sessions: Sessions | None = None
    #: Rebalances of the account in the session of `now` that sent orders, interrupted ones too.
    rebalances_in_session: int = 0

    @property
    def session(self) -> TradingSession | None:
        """The session that an order of now belongs to."""
        return self.sessions.session_for(self.now) if self.sessions else None
