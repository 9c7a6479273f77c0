"""`tools/serve.sh` where it cannot begin."""

from __future__ import annotations

import fcntl
import os
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Shell

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize("role", ["all", "worker"])
def test_a_port_in_use_ends_the_service_with_one_line_and_leaves_nothing(
    shell: Shell, role: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = shell.start("serve.sh", "--role", role, API_PORT=str(port))
        ended = shell.finish(process)
    assert ended.code == 2
    assert ended.output == ""
    assert ended.errors == (
        f"error: the API cannot listen on 127.0.0.1:{port} (Address already in use); nothing was "
        "begun. Set API_PORT to another port (0: any free one) or end what has this one; API_HOST "
        "is the address\n"
    )
    # Neither a fork server nor an account process, nor anything else that it could have started.
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert shell.simulators() == []
    for path in shell.home.rglob("*.lock"):
        with path.open("a") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_host_that_is_not_of_this_machine_is_told_in_the_same_way(shell: Shell) -> None:
    # Of a block that is for documentation only (RFC 5737).
    ended = shell.finish(shell.start("serve.sh", API_HOST="192.0.2.1", API_PORT="0"))
    assert ended.code == 2
    (line,) = ended.errors.splitlines()
    assert line.startswith("error: the API cannot listen on 192.0.2.1:0 (")
    assert "API_HOST" in line


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"USER_NOTIFICATIONS_ENABLED": "true", "USER_NOTIFICATIONS_CHANNEL": "no topic"},
            "USER_NOTIFICATIONS_CHANNEL: should be an ntfy topic: letters, digits, - and _",
        ),
        (
            {"NOTIFICATION_URLS": "s3cret"},
            "NOTIFICATION_URLS: should be addresses of apprise, such as ntfy://topic",
        ),
    ],
)
def test_addresses_that_are_none_are_named(
    shell: Shell, variables: dict[str, str], line: str
) -> None:
    ended = shell.finish(shell.start("serve.sh", API_PORT="0", **variables))
    assert (ended.code, ended.output, ended.errors) == (2, "", f"error: {line}\n")
