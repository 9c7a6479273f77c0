"""The words of what is told: results of runs and events of the queue come in, notifications go out.

Pure. Amounts are in the account's currency; times are shown in the configured zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.events import Command
from app.report.results import ExecutedTrade, Preview, RecoveredTrade, Result, Run
from broker_connector_base.models import AccountConfig, RunStatus

from .notification import Kind, Notification

_TITLES = {
    RunStatus.DONE: (Kind.REBALANCED, "Rebalanced"),
    RunStatus.NOTHING_TO_DO: (Kind.NOTHING_TO_DO, "Nothing to trade in"),
    # Nothing is in doubt, but something was traded or tried, and the targets were not reached.
    RunStatus.FAILED: (Kind.REBALANCED, "Targets not reached in"),
    RunStatus.NEEDS_ATTENTION: (Kind.NEEDS_ATTENTION, "ACTION REQUIRED:"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a notification is about."""

    account: AccountConfig
    command: Command
    at: datetime
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """The account and its strategy, for a title."""
        return f"{self.account.account_id} ({self.account.strategy_name})"

    def heading(self) -> list[str]:
        """The first lines of a body."""
        return [
            f"Account: {self.account.account_id} ({self.account.type})",
            f"Strategy: {self.account.strategy_name}",
            f"Operation: {self.command}",
            f"Time: {self.time(self.at)}",
        ]

    def time(self, moment: datetime) -> str:
        """A moment in the configured zone."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S %Z}"


def run_finished(subject: Subject, run: Run, *, again_at: datetime | None = None) -> Notification:
    """A rebalance came to its end; what it has left is done at `again_at`."""
    # What an interrupted run could not tell is told as if it had.
    nothing = run.status is RunStatus.NOTHING_TO_DO and run.recovered
    kind, words = _TITLES[RunStatus.DONE if nothing else run.status]
    return Notification(
        kind=kind,
        title=f"{words} {subject.name}",
        body=_body(
            subject.heading(),
            *_trades(run),
            _money(run, run.total_value),
            [f"Error: {run.error}"] if run.error else [],
            [f"Next attempt: {subject.time(again_at)}"] if again_at else [],
            _warnings(run.warnings),
        ),
    )


def previewed(subject: Subject, preview: Preview) -> Notification:
    """A preview was made; nothing was sent."""
    trades = [
        f"  {_side(trade.quantity)} {abs(trade.quantity).normalize():,f} {trade.symbol} "
        f"at about {trade.estimated_price:,.2f}"
        for trade in preview.proposed_trades
    ]
    return Notification(
        kind=Kind.PREVIEW,
        title=f"Preview of {subject.name}",
        body=_body(
            subject.heading(),
            ["Proposed trades, nothing was sent:", *(trades or ["  none"])],
            _money(preview, preview.plan.total_value),
            _warnings(preview.warnings),
        ),
    )


def needs_attention(subject: Subject, reason: str) -> Notification:
    """An event was parked: it goes on when a person retries it."""
    return Notification(
        kind=Kind.NEEDS_ATTENTION,
        title=f"ACTION REQUIRED: {subject.name}",
        body=_body(subject.heading(), [reason], ["Look at it, then retry or dismiss the event."]),
    )


def attempt_failed(
    subject: Subject, error: str, *, times_queued: int, again_at: datetime
) -> Notification | None:
    """An attempt failed and comes again.

    Of many failures in a row the 1st, 2nd, 4th, 8th and so on are told, so a gateway that is down
    for a night does not fill a telephone; None for the others.
    """
    if times_queued & (times_queued - 1):
        return None
    return Notification(
        kind=Kind.FAILED,
        title=f"Attempt {times_queued} failed: {subject.name}",
        body=_body(subject.heading(), [error], [f"Next attempt: {subject.time(again_at)}"]),
    )


def postponed(subject: Subject, reason: str, *, until: datetime | None) -> Notification:
    """A rebalance was held back by a gate; `until` is when it is looked at again, if known."""
    when = [f"Next: {subject.time(until)}"] if until else []
    return Notification(
        kind=Kind.POSTPONED,
        title=f"Postponed: {subject.name}",
        body=_body(subject.heading(), [reason], when),
    )


def stale(subject: Subject, reason: str) -> Notification:
    """A rebalance was too old to be begun."""
    return Notification(
        kind=Kind.STALE,
        title=f"Not done, too old: {subject.name}",
        body=_body(subject.heading(), [reason], ["Ask for it again if it is still wanted."]),
    )


def missed(what: str, at: datetime, zone: ZoneInfo) -> Notification:
    """A scheduled time passed while nothing ran, and is not made up for any more."""
    return Notification(
        kind=Kind.MISSED,
        title=f"Missed: {what}",
        body=f"It was due on {at.astimezone(zone):%Y-%m-%d at %H:%M %Z}, when the service did not "
        "run, and is not made up for any more (scheduler.grace_minutes).",
    )


def alert(title: str, body: str) -> Notification:
    """Something is wrong with the service itself."""
    return Notification(kind=Kind.ALERT, title=title, body=body)


def _trades(run: Run) -> Iterator[list[str]]:
    recovered, trades = (
        [_trade(order, run.currency) for order in orders] for orders in (run.recovered, run.orders)
    )
    if recovered:
        yield ["Trades of an earlier run, told only now:", *recovered]
    if trades or not recovered:
        yield ["Trades executed:", *(trades or ["  none"])]


def _trade(order: ExecutedTrade | RecoveredTrade, currency: str) -> str:
    ordered, filled = abs(order.quantity), order.filled_quantity
    line = f"  {_side(order.quantity)} {filled.normalize():,f} {order.symbol}"
    if order.average_price is not None:
        line += f" at {order.average_price:,.2f} {currency}"
    if filled != ordered:
        line += f" (of {ordered.normalize():,f}: {order.status})"
    return line


def _side(quantity: Decimal) -> str:
    return "BUY" if quantity > 0 else "SELL"


def _money(result: Result, total_value: Decimal) -> list[str]:
    return [
        f"Portfolio value: {total_value:,.2f} {result.currency}",
        f"Cash: {result.cash_after:,.2f} {result.currency}",
    ]


def _warnings(warnings: Iterable[str]) -> list[str]:
    lines = [f"  {warning}" for warning in warnings]
    return ["Warnings:", *lines] if lines else []


def _body(*paragraphs: list[str]) -> str:
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)
