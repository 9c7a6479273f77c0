"""As in production: TLS, and the key itself instead of a token."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from ably_standin import AblyStandin, message


@pytest.fixture
async def ably(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The environment is the only way to tell the SDK of an authority."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with AblyStandin(tls=context) as standin:
        yield standin


async def test_messages_and_history_come_over_tls(ably: AblyStandin, ingestion: Any) -> None:
    ingestion.environment = replace(ingestion.environment, ably_tls=True)
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    ably.publish("alpha", message("live"))
    ably.publish("alpha", message("lost"), deliver=False)
    await ingestion.until(lambda: ingestion.payloads() == ["live", "lost"])
    assert not any("requestToken" in r.detail.get("path", "") for r in ably.received)
