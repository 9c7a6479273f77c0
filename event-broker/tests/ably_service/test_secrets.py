"""The API key is in no log, no alert and no status, however much is logged."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from ably_standin import AblyStandin, message
from app.ably_service import AlertKind
from app.ably_service.sdk_logs import Redaction

SECRET = "s3cret-value/with=signs"


@pytest.fixture
async def ably() -> Any:
    async with AblyStandin(keys=[f"standin.key:{SECRET}"]) as standin:
        yield standin


async def test_the_key_is_nowhere_in_anything_that_is_said(
    ably: AblyStandin,
    ingestion: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    ingestion.environment = replace(
        ingestion.environment, ably_key=SecretStr(f"standin.key:{SECRET}")
    )
    with structlog.testing.capture_logs() as ours:
        ingestion.start("alpha")
        await ingestion.caught_up("alpha")
        ably.publish("alpha", [message("good"), {"data": "{", "encoding": "json"}])
        await ingestion.until(lambda: len(ingestion.recorded()) == 2)
        ably.fail_upgrade(503)
        ably.abort_connections()
        await ably.received.wait("CONNECT", count=3)
        ably.fail_upgrade(None)
        await ingestion.caught_up("alpha")
        ably.disconnect(None)
        await ingestion.until(lambda: ingestion.status.rebuilds)
        text = f"the key {SECRET} is wrong"
        ably.send_frame({"action": 9, "error": {"code": 40101, "statusCode": 401, "message": text}})
        await ingestion.caught_up("alpha")
        await ingestion.stop()
    records = [f"{record.getMessage()} {record.exc_text}" for record in caplog.records]
    everything = "\n".join([*records, str(ours), str(ingestion.alerts), *capfd.readouterr()])
    assert "ably_sdk" in everything
    for form in (SECRET, "s3cret-value%2Fwith%3Dsigns", "key=standin"):
        assert form not in everything


async def test_a_server_that_repeats_the_key_in_its_error_is_not_quoted(
    ably: AblyStandin, ingestion: Any
) -> None:
    ingestion.environment = replace(
        ingestion.environment, ably_key=SecretStr(f"standin.key:{SECRET}")
    )
    ingestion.start("alpha")
    await ingestion.caught_up("alpha")
    text = f"no such key: standin.key:{SECRET}"
    ably.revoke_key("standin.key")
    ably.send_frame({"action": 9, "error": {"code": 40101, "statusCode": 401, "message": text}})
    await ingestion.until(lambda: ingestion.alerted(AlertKind.KEY_REFUSED))
    assert "no such key: ***" in ingestion.alerted(AlertKind.KEY_REFUSED)[0]
    assert SECRET not in str(ingestion.status)


def test_credentials_are_struck_out_of_addresses() -> None:
    redaction = Redaction("app.id:se/cret")
    assert redaction.clean("ws://h?key=app.id%3Ase%2Fcret&v=5") == "ws://h?key=***&v=5"
    assert redaction.clean("wss://h?accessToken=abc.def&v=5") == "wss://h?accessToken=***&v=5"
    assert redaction.clean("the secret se/cret") == "the secret ***"
    assert Redaction("").clean("monkey=1") == "monkey=1"
