"""Help for tests of the service: targets for account processes that behave in a chosen way."""

from .targets import (
    MARKET_OPENS,
    be_told_to_end_before_it_listens,
    chatter,
    crash,
    end_when_asked,
    fail,
    find_the_market_closed,
    hang_while_tidying_up,
    ignore_every_request_to_end,
    kill_itself,
    tell_ignored_signals,
    tidy_up_however_often_asked,
    work_until_the_lease_is_over,
)

__all__ = [
    "MARKET_OPENS",
    "be_told_to_end_before_it_listens",
    "chatter",
    "crash",
    "end_when_asked",
    "fail",
    "find_the_market_closed",
    "hang_while_tidying_up",
    "ignore_every_request_to_end",
    "kill_itself",
    "tell_ignored_signals",
    "tidy_up_however_often_asked",
    "work_until_the_lease_is_over",
]
