"""Is it alive, is it ready, does anything need a person: `/live`, `/ready`, `/health`.

Three questions, because they have three answers: a dead process is restarted, one that is not ready
gets no work, and one that is degraded works and waits for somebody to look. None waits for a thread
of those that answer everything else.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response, status

from .backend import HealthNow
from .context import Context, Here
from .models import Healthiness

router = APIRouter(tags=["health"])


@router.get("/live")
async def live() -> dict[Literal["live"], bool]:
    """It answers, so it lives."""
    return {"live": True}


@router.get("/ready", responses={503: {"model": Healthiness}})
async def ready(here: Here, response: Response) -> Healthiness:
    """503 while it cannot do its work, for instance because the store cannot be used."""
    return await _answer(here, response)


@router.get("/health", responses={503: {"model": Healthiness}})
async def health(here: Here, response: Response) -> Healthiness:
    """The state in one word and one line. An event that is tried again is no outage."""
    return await _answer(here, response)


async def _answer(here: Context, response: Response) -> Healthiness:
    found = await here.backend.health()
    retried = found.statistics.events_with_retries if found.statistics else 0
    if not found.ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    reasons = "; ".join(found.degraded)
    return Healthiness(
        status=_word(found),
        healthy=found.ready,
        events_with_retries=retried,
        message=reasons or "No events require retry",
        degraded=found.degraded,
    )


def _word(health: HealthNow) -> str:
    if not health.ready:
        return "error"
    return "degraded" if health.degraded else "healthy"
