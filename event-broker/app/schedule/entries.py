"""What the configuration schedules, under names that last: settings come in, entries go out.

The name holds everything about the times. Whoever changes them gets a new entry, which begins with
the first time after the change and makes up for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from app.events import Command
from app.settings import Settings, processed_accounts
from app.settings.schedules import DriftCheck, ScheduledAccount, Times
from app.settings.service_sections import NotificationsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command for one account at certain times."""

    name: str
    times: Times
    account_id: str
    command: Command
    #: Of a drift check: rebalance when the preview shows more, in percentage points.
    band_percent: Decimal | None = None


def entries(settings: Settings) -> Iterator[Entry]:
    """The schedules and drift checks of all accounts that the mode processes."""
    for account in processed_accounts(settings):
        if isinstance(account, ScheduledAccount):
            yield from _of_account(account)


def _of_account(account: ScheduledAccount) -> Iterator[Entry]:
    for scheduled in account.schedule:
        yield Entry(
            name=f"{scheduled.command} {account.account_id} {_words(scheduled)}",
            times=scheduled,
            account_id=account.account_id,
            command=Command(scheduled.command),
        )
    if account.drift_check is not None:
        yield _drift_check(account.account_id, account.drift_check)


def _drift_check(account_id: str, check: DriftCheck) -> Entry:
    return Entry(
        name=f"drift-check {account_id} {_words(check)}",
        times=check,
        account_id=account_id,
        command=Command.PRINT_REBALANCE,
        band_percent=check.band_percent,
    )


def digest_times(config: NotificationsConfig) -> Times:
    """When the daily digest is told."""
    return _daily(config.digest_time, config.time_zone)


def alive_times(config: NotificationsConfig) -> Times:
    """When the service says that it is alive."""
    return _daily(config.alive_time, config.time_zone)


def _daily(clock_time: str, time_zone: str) -> Times:
    hour, minute = clock_time.split(":")
    return Times(cron=f"{int(minute)} {int(hour)} * * *", time_zone=time_zone)


def daily_name(what: str, times: Times) -> str:
    """The name under which a daily message is remembered."""
    return f"{what} {_words(times)}"


def _words(times: Times) -> str:
    return f"at {' '.join(times.cron.split())} {times.time_zone}"
