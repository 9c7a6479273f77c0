"""Help for tests of the service: targets for account processes that behave in a chosen way."""

from .targets import (
    chatter,
    crash,
    end_when_asked,
    fail,
    ignore_every_request_to_end,
    kill_itself,
    tell_ignored_signals,
    tidy_up_however_often_asked,
)

__all__ = [
    "chatter",
    "crash",
    "end_when_asked",
    "fail",
    "ignore_every_request_to_end",
    "kill_itself",
    "tell_ignored_signals",
    "tidy_up_however_often_asked",
]
