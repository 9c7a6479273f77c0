"""Who may do what: bearer keys and their roles.

Comes in: the `Authorization` header and the keys of the settings. Goes out: nothing, or an error
that says what is missing. Keys are compared in constant time and never shown.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from enum import IntEnum
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, HTTPException, Request, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from app.settings import Settings

from .context import Context, context_of

_bearer = HTTPBearer(auto_error=False, description="MANAGEMENT_API_KEY, or the key for reading")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


class Role(IntEnum):
    """A higher role may do what a lower one may."""

    NOBODY = 0
    READ = 1
    OPERATE = 2


def role_of(token: str | None, settings: Settings) -> Role:
    """The role that a token stands for."""
    environment = settings.environment
    granted = Role.NOBODY
    # All keys are compared, whichever matches, so that the time tells nothing.
    if _is(token, environment.management_read_api_key):
        granted = Role.READ
    if _is(token, environment.management_api_key):
        granted = Role.OPERATE
    return granted


async def may_read(request: Request, credentials: Credentials) -> None:
    """Let pass who may look: anybody as long as no key for reading is set."""
    context = context_of(request)
    if context.settings.environment.management_read_api_key is None and credentials is None:
        return
    _require(Role.READ, request, context, credentials)


async def may_operate(request: Request, credentials: Credentials) -> None:
    """Let pass who may change things."""
    context = context_of(request)
    if context.settings.environment.management_api_key is None:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE,
            "nothing can be changed through the API: MANAGEMENT_API_KEY is not set. Nothing was "
            "done; set it in .env and restart the service",
        )
    _require(Role.OPERATE, request, context, credentials)
    # Not before: whoever has no key must not use up the allowance of those who have.
    context.changes.charge(request)


async def look(request: Request, _: Annotated[None, Depends(may_read)]) -> AsyncIterator[None]:
    """One of the few who look at the same time, from the check of the key until the answer."""
    async with context_of(request).reads.taken():
        yield


READ = Depends(look, scope="function")
#: For who does not only look once.
FOLLOW = Depends(may_read)
OPERATE = Depends(may_operate)


def _require(
    needed: Role,
    request: Request,
    context: Context,
    credentials: Credentials,
) -> None:
    granted = role_of(credentials.credentials if credentials else None, context.settings)
    if granted >= needed:
        return
    if granted is Role.NOBODY:
        context.failed_logins.charge(request)
        wanted = "MANAGEMENT_API_KEY"
        if needed is Role.READ and context.settings.environment.management_read_api_key:
            wanted = "MANAGEMENT_READ_API_KEY (or MANAGEMENT_API_KEY)"
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            f"a valid key is needed: Authorization: Bearer {wanted}. Nothing was done",
            headers={"WWW-Authenticate": "Bearer"},
        )
    raise HTTPException(
        status.HTTP_403_FORBIDDEN, "this key may only look, not change. Nothing was done"
    )


def _is(token: str | None, key: SecretStr | None) -> bool:
    given = sha256((token or "").encode("utf-8", "surrogateescape")).digest()
    wanted = sha256((key.get_secret_value() if key else "").encode()).digest()
    return hmac.compare_digest(given, wanted) and key is not None
