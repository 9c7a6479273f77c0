"""A site: a broker and Ably on one side, a store in the middle, services as they are shipped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ably_standin import message
from app.events import (
    FINAL_STATES,
    AttemptOutcome,
    Command,
    Event,
    EventSource,
    EventState,
    NewEvent,
)
from app.store import Store, open_store
from app.store.testing import assert_every_event_ended_once

from .broker import Broker, LoopThread
from .news import News
from .product import (
    ABLY_KEY,
    CONFIG,
    Service,
    assert_nothing_is_left,
    run_command,
    write_client_ids,
    write_home,
)
from .stores import journals_of
from .witness import Witness


class Site:
    """One installation. Everything that a test starts here has ended when it is over."""

    def __init__(
        self,
        home: Path,
        thread: LoopThread,
        database_url: str,
        accounts: Mapping[str, str],
        config: str,
    ) -> None:
        write_home(home, accounts, config)
        write_client_ids(home, accounts)
        self.home = home
        self._homes = [home]
        self._config = config
        self.accounts = accounts
        self.database_url = database_url
        self.broker = Broker(thread, accounts, home, journals_of(database_url, home))
        self.store: Store = open_store(database_url)
        self._news = News()
        self.store.wake.subscribe(self._news.tell)
        self._services: list[Service] = []

    # --- services ---------------------------------------------------------------------------

    def start(
        self,
        role: str = "worker",
        wrapper: Sequence[str] = (),
        *,
        home: Path | None = None,
        database_url: str | None = None,
        **more: str,
    ) -> Service:
        """A service, which need not be ready yet; `more` are variables of its environment."""
        variables = {
            "DATABASE_URL": database_url or self.database_url,
            "REALTIME_API_KEY": ABLY_KEY,
            "ABLY_ENDPOINT": self.broker.ably_endpoint,
            "ABLY_TLS": "false",
            **more,
        }
        service = Service(home or self.home, role, variables, wrapper)
        self._services.append(service)
        return service

    def another_machine(self) -> Path:
        """The home of a machine that shares the gateway and the database, and no disk."""
        home = self.home.with_name(f"home{len(self._homes) + 1}")
        write_home(home, self.accounts, self._config)
        self.broker.be_found_from(home)
        self._homes.append(home)
        return home

    def command(self, home: Path, *arguments: str) -> Any:
        """The result of a command on this machine."""
        return run_command(home, {"DATABASE_URL": self.database_url}, *arguments)

    def publish(self, channel: str, *commands: str) -> None:
        """Publish one message of Ably with a command for each of these."""
        batch = [message({"exec": command}) for command in commands]
        self.broker.ably(lambda ably: ably.publish(channel, batch))

    # --- events -----------------------------------------------------------------------------

    def enqueue(self, account_id: str, command: Command = Command.REBALANCE) -> str:
        """The id of a new event, or of its waiting twin."""
        new = NewEvent(account_id=account_id, command=command, source=EventSource.API)
        return self.store.events.enqueue(new).event_id

    def events(self, account_id: str | None = None) -> tuple[Event, ...]:
        """Oldest first."""
        return tuple(reversed(self.store.events.list(limit=1000, account_id=account_id)))

    def outcomes(self, event_id: str) -> list[AttemptOutcome | None]:
        """Of its attempts, but for those that met the account still in use."""
        attempts = self.store.events.attempts(event_id)
        return [a.outcome for a in attempts if "is in use by" not in (a.error or "")]

    def until(self, look: Callable[[], object]) -> None:
        """Wait for something in the store."""
        self._news.until(look, lambda: "\n".join(map(str, self.events())))

    def until_ended(self, *accounts: str, events: int = 1) -> None:
        """Wait until so many events of each of these accounts are in their final states."""

        def have_ended() -> bool:
            for account_id in accounts or self.accounts:
                found = self.events(account_id)
                if len(found) < events or any(e.state not in FINAL_STATES for e in found):
                    return False
            return True

        self.until(have_ended)

    # --- in the end -------------------------------------------------------------------------

    def assert_all_is_well(self, *accounts: str) -> None:
        """Each event was done once, and nothing was ordered twice; these accounts are on target."""
        assert_every_event_ended_once(self.store)
        left = [e for e in self.events() if e.state is EventState.NEEDS_ATTENTION]
        assert left == []
        for account_id in accounts or self.accounts:
            assert self.broker.ask(Witness.on_target, account_id) == []

    def close(self) -> None:
        for service in self._services:
            service.signal_all(signal.SIGKILL)
            service.end()
        self.store.close()
        self.broker.close()
        for home in self._homes:
            assert_nothing_is_left(home)


OpenSite = Callable[..., Site]


@pytest.fixture(scope="session")
def far_side() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture
def open_site(far_side: LoopThread, tmp_path: Path) -> Iterator[OpenSite]:
    """Opens the test's installation."""
    opened: list[Site] = []

    def open_with(database_url: str, accounts: Mapping[str, str], config: str = CONFIG) -> Site:
        home = tmp_path / "home"
        opened.append(Site(home, far_side, database_url, accounts, config))
        return opened[-1]

    yield open_with
    for site in opened:
        site.close()


__all__ = ["OpenSite", "Site"]
