"""What `/health` says of the parts, from values."""

from __future__ import annotations

import pytest

from app.ably_service import AblyStatus, Connection, FeedStatus
from app.service.health import troubles


def of_ably(*feeds: FeedStatus) -> tuple[str, ...]:
    return troubles(
        ending=False,
        stored=None,
        store_error=None,
        ably=AblyStatus(connection=Connection.CONNECTED, feeds=feeds),
        settings_problems=(),
        unreached_addresses=0,
        not_forked=None,
    )


@pytest.mark.parametrize("permitted", [True, None])
def test_a_channel_that_is_well_is_no_trouble(permitted: bool | None) -> None:
    well = FeedStatus(channel="alpha", attached=True, caught_up=True, history_permitted=permitted)
    assert of_ably(well) == ()


def test_a_key_that_may_not_read_history_is_trouble_as_long_as_it_may_not() -> None:
    well = FeedStatus(channel="alpha", attached=True, caught_up=True, history_permitted=False)
    assert well.healthy
    assert of_ably(well) == (
        "ably channel alpha: the key may not read its history, so what is missed or cannot be "
        "decoded is lost",
    )
