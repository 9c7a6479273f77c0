"""What a bad key gets on the WebSocket."""

from collections.abc import Callable
from typing import Any

import pytest
from ably import AblyRealtime

from ably_standin import AblyStandin


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("standin.key:wrong", 40101),
        ("standin.other:secret", 40400),
        ("nonsense:secret", 40005),
    ],
)
async def test_a_bad_key_fails_the_connection(
    connect: Callable[..., Any], key: str, code: int
) -> None:
    change = await connect(key).connection.once_async("failed")
    assert change.reason.code == code


async def test_a_revoked_key_fails_the_connection(
    ably: AblyStandin, connect: Callable[..., Any]
) -> None:
    ably.revoke_key("standin.key")
    change = await connect().connection.once_async("failed")
    assert change.reason.code == 40131


async def test_a_token_that_expires_is_renewed_and_the_connection_goes_on(
    ably: AblyStandin, rest: Any, inbox: Any
) -> None:
    async def token(_: object) -> Any:
        return await rest.auth.request_token()

    client = AblyRealtime(auth_callback=token, endpoint=ably.endpoint, tls=False)
    await client.channels.get("alpha").subscribe(inbox.put)
    ably.advance(2 * 3_600)
    ably.disconnect(40142, 401)
    await ably.received.wait("ATTACH", count=2)
    used = [entry.detail["accessToken"] for entry in ably.received.find("CONNECT")]
    assert len(set(used)) == 2
    await client.close()


def test_a_stand_in_wants_keys_of_the_usual_form() -> None:
    with pytest.raises(ValueError, match=r"app\.id:secret"):
        AblyStandin(keys=["no-colon"])
