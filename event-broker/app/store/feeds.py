"""Channels: up to when is everything known, and which times are lost for good."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from app.store.database import Database
from app.store.records import Feed, FeedGap
from app.store.rows import upsert, value_of
from app.store.schema import feed_gaps, feeds
from app.store.wake import Topic


class Feeds:
    """The continuity of every channel. All times given here are the server's."""

    def __init__(self, database: Database) -> None:
        self._do = database
        self._dialect = database.dialect

    def start(self, channel: str, at: datetime) -> Feed:
        """The channel's record; on its first start ever begun, as continuous from `at` on."""
        return self._do.write(Topic.MESSAGES, self._start, channel, at)

    def get(self, channel: str) -> Feed | None:
        return self._do.read(_find, channel)

    def list(self) -> tuple[Feed, ...]:
        return self._do.read(_all)

    def advance(
        self, channel: str, until: datetime, *, last_message_at: datetime | None = None
    ) -> None:
        """Everything up to `until` was received; neither time ever goes back."""
        self._do.write_quietly(
            self._raise, channel, {"continuous_until": until, "last_message_at": last_message_at}
        )

    def observe_retention(self, channel: str, retention: timedelta) -> None:
        """History still held a message this old; the longest counts."""
        self._do.write_quietly(
            self._raise, channel, {"observed_retention": retention.total_seconds()}
        )

    def mark_dirty(self, channel: str, dirty: bool = True) -> None:
        """Something was missed; or, with False, was caught up with."""
        self._do.write(Topic.MESSAGES, self._set, channel, dirty=dirty)

    def permit_history(self, channel: str, permitted: bool) -> None:
        """Whether our key may read the channel's history."""
        self._do.write(Topic.MESSAGES, self._set, channel, history_permitted=permitted)

    def record_gap(
        self, channel: str, begins_at: datetime, ends_at: datetime, reason: str
    ) -> FeedGap | None:
        """Messages of this time may be lost; the channel goes on from its end.

        What another process has received in the meantime, or has recorded as a gap, is none: None
        when nothing is left. One that goes on where an open gap of the same reason ends lengthens
        that one, and is none either: of that one it was told that it may become longer.
        """
        return self._do.write(Topic.MESSAGES, self._record_gap, channel, begins_at, ends_at, reason)

    def gaps(self, *, channel: str | None = None, open_only: bool = True) -> tuple[FeedGap, ...]:
        """The newest first; those that a person has seen only when asked for."""
        return self._do.read(_gaps, channel, open_only)

    def acknowledge(self, gap_id: int, by: str) -> bool:
        """A person has seen the gap; False when there is no such open gap."""
        return self._do.write(Topic.MESSAGES, self._acknowledge, gap_id, by)

    def _start(self, connection: Connection, channel: str, at: datetime) -> Feed:
        known = _find(connection, channel)
        if known is not None and known.first_started_at is not None:
            return known
        self._set(connection, channel, first_started_at=at, continuous_until=at)
        feed = _find(connection, channel)
        assert feed is not None
        return feed

    def _set(self, connection: Connection, channel: str, /, **values: object) -> bool:
        if _find(connection, channel) is None:
            values = {"dirty": False} | values
        upsert(connection, feeds, {"channel": channel}, values)
        return True

    def _raise(self, connection: Connection, channel: str, values: dict[str, Any]) -> None:
        """Set each value unless the one that is there is greater."""
        known = _locked(connection, channel)
        higher = {
            name: value
            for name, value in values.items()
            if value is not None and (known is None or known[name] is None or value > known[name])
        }
        if higher:
            self._set(connection, channel, **higher)

    def _record_gap(
        self,
        connection: Connection,
        channel: str,
        begins_at: datetime,
        ends_at: datetime,
        reason: str,
    ) -> FeedGap | None:
        feed = _locked(connection, channel)
        if feed is not None and feed["continuous_until"] is not None:
            begins_at = max(begins_at, feed["continuous_until"])
        if begins_at >= ends_at:
            return None
        self._raise(connection, channel, {"continuous_until": ends_at})
        longer = feed_gaps.update().where(
            feed_gaps.c.channel == channel,
            feed_gaps.c.ends_at == begins_at,
            feed_gaps.c.reason == reason,
            feed_gaps.c.acknowledged_at.is_(None),
        )
        if connection.execute(longer.values(ends_at=ends_at)).rowcount:
            return None
        insert = feed_gaps.insert().values(
            channel=channel,
            begins_at=begins_at,
            ends_at=ends_at,
            reason=reason,
            recorded_at=self._dialect.clock.now(),
        )
        row = connection.execute(insert.returning(feed_gaps)).mappings().one()
        return value_of(FeedGap, row)

    def _acknowledge(self, connection: Connection, gap_id: int, by: str) -> bool:
        gap = feed_gaps.update().where(
            feed_gaps.c.gap_id == gap_id, feed_gaps.c.acknowledged_at.is_(None)
        )
        seen = gap.values(acknowledged_at=self._dialect.clock.now(), acknowledged_by=by)
        return connection.execute(seen).rowcount == 1


def _feed(row: RowMapping) -> Feed:
    seconds = row["observed_retention"]
    retention = None if seconds is None else timedelta(seconds=seconds)
    return value_of(Feed, row, observed_retention=retention)


def _locked(connection: Connection, channel: str) -> RowMapping | None:
    query = select(feeds).where(feeds.c.channel == channel).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def _find(connection: Connection, channel: str) -> Feed | None:
    query = select(feeds).where(feeds.c.channel == channel)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _feed(row)


def _all(connection: Connection) -> tuple[Feed, ...]:
    rows = connection.execute(select(feeds).order_by(feeds.c.channel)).mappings()
    return tuple(_feed(row) for row in rows)


def _gaps(connection: Connection, channel: str | None, open_only: bool) -> tuple[FeedGap, ...]:
    query = select(feed_gaps).order_by(feed_gaps.c.gap_id.desc())
    if channel is not None:
        query = query.where(feed_gaps.c.channel == channel)
    if open_only:
        query = query.where(feed_gaps.c.acknowledged_at.is_(None))
    return tuple(value_of(FeedGap, row) for row in connection.execute(query).mappings())
