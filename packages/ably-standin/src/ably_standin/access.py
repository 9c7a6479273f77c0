"""Who may do what: API keys with their capabilities, and tokens made from them.

Credentials come in as they were on the wire; a `Grant` goes out, or `Refused` with the error that
Ably answers.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .protocol import (
    BAD_KEY,
    BAD_TOKEN,
    KEY_REVOKED,
    NOT_CAPABLE,
    TOKEN_EXPIRED,
    UNKNOWN_KEY,
    WRONG_SECRET,
    Refused,
)

#: operations by channel; `*` stands for all, and `prefix:*` for all that begin so
Capability = Mapping[str, Sequence[str]]
EVERYTHING: Capability = {"*": ("*",)}
#: milliseconds that a token lives when its request names no time
TOKEN_TTL = 3_600_000


@dataclass(slots=True)
class Grant:
    """An API key. Its capability and its revocation may change while clients use it."""

    name: str
    secret: str
    capability: Capability = field(default_factory=lambda: EVERYTHING)
    revoked: bool = False

    def require(self, operation: str, channel: str) -> None:
        """Raise `Refused` unless `operation` is permitted on `channel`."""
        for pattern, operations in self.capability.items():
            if _covers(pattern, channel) and ({operation, "*"} & set(operations)):
                return
        raise Refused(NOT_CAPABLE)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    grant: Grant
    expires: int


class Access:
    """The keys of the app, and the tokens that were given out."""

    def __init__(self, keys: Iterable[str]) -> None:
        """`keys` are `app.id:secret`. Raises `ValueError` for another form."""
        self._grants: dict[str, Grant] = {}
        self._tokens: dict[str, _Token] = {}
        for key in keys:
            name, separator, secret = key.partition(":")
            if not (separator and secret and "." in name):
                raise ValueError(f"a key is written app.id:secret, not {key!r}")
            self._grants[name] = Grant(name, secret)

    def grant(self, key_name: str) -> Grant:
        """The key called `app.id`. Raises `Refused` for an unknown one."""
        try:
            return self._grants[key_name]
        except KeyError:
            raise Refused(UNKNOWN_KEY) from None

    def by_key(self, key: str) -> Grant:
        """The grant of `app.id:secret`."""
        name, separator, secret = key.partition(":")
        if not separator or "." not in name:
            raise Refused(BAD_KEY)
        grant = self.grant(name)
        if not hmac.compare_digest(secret, grant.secret):
            raise Refused(WRONG_SECRET)
        return _unrevoked(grant)

    def by_token(self, token: str, now: int) -> Grant:
        """The grant behind a token that has not expired at `now`."""
        known = self._tokens.get(token)
        if known is None:
            raise Refused(BAD_TOKEN)
        if now >= known.expires:
            raise Refused(TOKEN_EXPIRED)
        return _unrevoked(known.grant)

    def by_header(self, authorization: str, now: int) -> Grant:
        """The grant of an HTTP `Authorization`: Basic with a key, or Bearer with a token."""
        scheme, _, value = authorization.partition(" ")
        try:
            credentials = base64.b64decode(value, validate=True).decode()
        except ValueError:
            raise Refused(BAD_KEY) from None
        if scheme.lower() == "bearer":
            return self.by_token(credentials, now)
        return self.by_key(credentials)

    def issue(self, key_name: str, request: Mapping[str, Any], now: int) -> dict[str, Any]:
        """Answer a signed token request with token details."""
        grant = _unrevoked(self.grant(key_name))
        if not hmac.compare_digest(str(request.get("mac", "")), _signature(grant, request)):
            raise Refused(WRONG_SECRET)
        ttl = int(request.get("ttl") or TOKEN_TTL)
        token = f"{key_name.partition('.')[0]}.{secrets.token_urlsafe(18)}"
        self._tokens[token] = _Token(grant=grant, expires=now + ttl)
        return {
            "token": token,
            "keyName": key_name,
            "issued": now,
            "expires": now + ttl,
            "capability": request.get("capability") or '{"*":["*"]}',
        }


def _unrevoked(grant: Grant) -> Grant:
    if grant.revoked:
        raise Refused(KEY_REVOKED)
    return grant


def _covers(pattern: str, channel: str) -> bool:
    if pattern.endswith("*"):
        return channel.startswith(pattern[:-1])
    return pattern == channel


def _signature(grant: Grant, request: Mapping[str, Any]) -> str:
    """RSA9g: HMAC-SHA256 over the request's fields, a line each."""
    fields = ("ttl", "capability", "clientId", "timestamp", "nonce")
    lines = [grant.name, *(str(request.get(name) or "") for name in fields)]
    text = "".join(f"{line}\n" for line in lines)
    digest = hmac.new(grant.secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
