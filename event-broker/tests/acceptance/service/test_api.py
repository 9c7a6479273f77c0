"""Whatever is asked of the API of a running service, it answers, and goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from app.events import Command

from .product import OPERATE_KEY

if TYPE_CHECKING:
    from .conftest import OpenSite

pytestmark = pytest.mark.acceptance

QUEUE = "/queue/events"
KEY = {"authorization": f"Bearer {OPERATE_KEY}", "content-type": "application/json"}
NO_KEY = {"content-type": "application/json"}


def wanting(**terms: str) -> bytes:
    return json.dumps({"account_id": "DU1", "exec_command": "print-equity"} | terms).encode()


#: Method, path, body, headers, and the status of the answer.
BAD = [
    ("POST", QUEUE, wanting(), KEY | {"authorization": "Bearer nobody"}, 401),
    ("POST", QUEUE, wanting(), NO_KEY, 401),
    ("POST", QUEUE, b" " * 10_000_000, KEY, 413),
    ("POST", QUEUE, b'{"account_id": "DU1", ', KEY, 422),
    ("POST", QUEUE, b"[" * 60_000, KEY, 400),
    ("POST", QUEUE, wanting(account_id="DU9"), KEY, 404),
    ("POST", QUEUE, wanting(account_id="../../etc/passwd"), KEY, 422),
    ("POST", QUEUE, wanting(exec_command="sell-all"), KEY, 422),
    ("GET", "/queue/events/../../../../etc/passwd", None, KEY, 404),
    ("GET", "/accounts/..%2f..%2faccounts.yaml", None, KEY, 404),
    ("DELETE", "/queue/events/%00", None, KEY, 422),
]


def test_bad_requests_are_refused_one_by_one_and_a_good_one_is_done(
    open_site: OpenSite, sqlite_url: str
) -> None:
    site = open_site(sqlite_url, {"DU1": "alpha"})
    service = site.start("all")
    for method, path, body, headers, status in BAD:
        assert service.ask(method, path, body, **headers)[0] == status, (path, (body or b"")[:60])
    assert site.events() == ()
    assert service.ask("POST", QUEUE, wanting(), **KEY)[0] == 202
    site.until_ended()
    (event,) = site.events()
    assert (event.command, event.error) == (Command.PRINT_EQUITY, None)
    status, health = service.ask("GET", "/health")
    assert (status, health["healthy"], health["degraded"]) == (200, True, [])
    assert service.stop() == 0
    assert OPERATE_KEY not in service.words
    assert "Traceback" not in service.words
