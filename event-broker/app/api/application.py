"""The application: all endpoints, the limits around them, and errors in people's words."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from app import __version__
from app.events import UnknownEvent, WrongState
from app.store import StoreError
from app.switches import Refused

from . import accounts, attention, controls, feeds, metrics, probes, progress, queue
from .backend import Backend
from .connections import MAX_CONNECTIONS
from .context import Context
from .limits import BodyLimit, Places, RateLimit

#: Nobody changes things faster by hand, and no script has reason to.
_CHANGES = (60, 2.0)
#: Wrong keys: enough for a typing error, too few for guessing.
_FAILED_LOGINS = (10, 0.1)

#: Whoever looks may need no key, and all share processors and connections to the store with leases
#: and journals: so many at once, however many ask.
_READS = 4
#: Longer than all others of a busy minute take together.
_READ_PATIENCE_SECONDS = 5.0
#: A stream of progress keeps its connection, and the others need room.
_STREAMS = MAX_CONNECTIONS // 4
_TOO_MANY_READS = "too many are looking at the same time; try again in a second"

_TOO_MANY_STREAMS = (
    "all places for following events are taken; look at /queue/events/{event_id} now and then"
)

_PROBES = (probes, metrics)
_MANAGEMENT = (queue, progress, attention, accounts, controls, feeds)

_ERRORS = ((UnknownEvent, 404), (WrongState, 409), (Refused, 409), (StoreError, 503))

_DESCRIPTION = """\
Ask what the service did, does and will do; queue events; pause, arm and schedule.
Changing anything needs the key MANAGEMENT_API_KEY; looking needs one when MANAGEMENT_READ_API_KEY
is set.
"""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_api(
    backend: Backend,
    *,
    probes_only: bool = False,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = _utc_now,
    read_patience_seconds: float = _READ_PATIENCE_SECONDS,
    max_streams: int = _STREAMS,
) -> FastAPI:
    """The application for a service; `clock` gives seconds for the limits of senders.

    `probes_only` leaves out everything but the probes and the metrics, its own description too.
    """
    api = FastAPI(
        title="Portfolio rebalancer",
        description=_DESCRIPTION,
        version=__version__,
        openapi_url=None if probes_only else "/openapi.json",
    )
    api.state.context = Context(
        backend,
        now=now,
        changes=RateLimit(*_CHANGES, clock=clock),
        failed_logins=RateLimit(*_FAILED_LOGINS, clock=clock),
        reads=Places(_READS, patience_seconds=read_patience_seconds, refusal=_TOO_MANY_READS),
        streams=Places(max_streams, patience_seconds=0, refusal=_TOO_MANY_STREAMS),
    )
    for part in _PROBES if probes_only else _PROBES + _MANAGEMENT:
        api.include_router(part.router)
    if probes_only:
        api.add_exception_handler(404, _answer_elsewhere)
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    for kind, code in _ERRORS:
        api.add_exception_handler(kind, _answer_with(code))
    api.add_middleware(BodyLimit)
    return api


def _answer_elsewhere(_: Request, __: Exception) -> JSONResponse:
    detail = (
        "only probes and metrics are answered here; the management API is answered by a process of "
        "the role api or all that has its store"
    )
    return JSONResponse({"detail": detail}, 404)


def _answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """Where and why, without what was sent: it may be no JSON, and it may be a secret."""
    assert isinstance(error, RequestValidationError)
    problems = [{name: e[name] for name in ("loc", "msg", "type")} for e in error.errors()]
    return JSONResponse({"detail": problems}, 422)


def _answer_with(code: int) -> Callable[[Request, Exception], JSONResponse]:
    def answer(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, code)

    return answer
