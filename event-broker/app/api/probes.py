"""Is it alive, is it ready, does anything need a person: `/live`, `/ready`, `/health`.

Three questions, because they have three answers: a dead process is restarted, one that is not ready
gets no work, and one that is degraded works and waits for somebody to look.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response, status

from app.store import StoreError

from .context import Context, Here
from .models import Healthiness

router = APIRouter(tags=["health"])


@router.get("/live")
def live() -> dict[Literal["live"], bool]:
    """It answers, so it lives."""
    return {"live": True}


@router.get("/ready", responses={503: {"model": Healthiness}})
def ready(here: Here, response: Response) -> Healthiness:
    """503 while it cannot do its work: the store cannot be used, or its parts do not run yet."""
    return _answer(here, response)


@router.get("/health", responses={503: {"model": Healthiness}})
def health(here: Here, response: Response) -> Healthiness:
    """The state in one word and one line. An event that is tried again is no outage."""
    return _answer(here, response)


def _answer(here: Context, response: Response) -> Healthiness:
    found = _examine(here)
    if not found.healthy:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return found


def _examine(here: Context) -> Healthiness:
    known = here.backend.health()
    try:
        retried = here.store.events.statistics().events_with_retries
    except StoreError as error:
        return _healthiness("error", 0, f"the store cannot be used: {error}", known.degraded)
    if not known.ready:
        return _healthiness("error", retried, "not ready", known.degraded)
    message = f"{retried} events are being tried again" if retried else "No events require retry"
    status = "degraded" if retried or known.degraded else "healthy"
    return _healthiness(status, retried, message, known.degraded)


def _healthiness(status: str, retried: int, message: str, degraded: tuple[str, ...]) -> Healthiness:
    return Healthiness(
        status=status,
        healthy=status != "error",
        events_with_retries=retried,
        message="; ".join([message, *degraded]),
        degraded=degraded,
    )
