"""TLS end to end, with an authority of our own that the SDK finds through SSL_CERT_FILE."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from ably import AblyRealtime, AblyRest

from ably_standin import DEFAULT_KEY, AblyStandin, message


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's context. The environment is the only way to tell the SDK of an authority."""
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_realtime_and_history_with_the_key_itself_over_tls(
    tls: ssl.SSLContext, inbox: Any
) -> None:
    async with AblyStandin(tls=tls) as ably:
        client = AblyRealtime(DEFAULT_KEY, endpoint=ably.endpoint)
        await client.channels.get("alpha").subscribe(inbox.put)
        ably.publish("alpha", message("safe"))
        assert (await inbox.next()).data == "safe"
        async with AblyRest(DEFAULT_KEY, endpoint="127.0.0.1", tls_port=ably.port) as rest:
            page = await rest.channels.get("alpha").history()
        assert [item.data for item in page.items] == ["safe"]
        await client.close()
