"""From the environment to the addresses of apprise."""

from __future__ import annotations

import pytest

from app.notifications import addresses
from app.notifications.addresses import at_volume
from app.notifications.notification import Urgency
from app.settings import Environment, SettingsError


def environment(**variables: str) -> Environment:
    return Environment.model_validate(variables)


def predecessor(server: str | None, channel: str = "my-topic") -> Environment:
    variables = {"USER_NOTIFICATIONS_ENABLED": "true", "USER_NOTIFICATIONS_CHANNEL": channel}
    if server is not None:
        variables["USER_NOTIFICATIONS_SERVER_URL"] = server
    return environment(**variables)


def test_addresses_are_separated_by_blanks_or_commas_and_may_contain_commas() -> None:
    text = " ntfys://ntfy.sh/a, mailto://u:p@host.com?to=x@a.com,y@a.com\ttgram://1:b/2 ntfys://ntfy.sh/a"
    assert addresses(environment(NOTIFICATION_URLS=text)) == (
        "ntfys://ntfy.sh/a",
        "mailto://u:p@host.com?to=x@a.com,y@a.com",
        "tgram://1:b/2",
    )


def test_nothing_is_configured_at_first() -> None:
    assert addresses(environment()) == ()
    assert addresses(environment(NOTIFICATION_URLS=" , ")) == ()


@pytest.mark.parametrize("text", ["s3cret", "s3cret ntfy://h/t", "ntfy://", "://s3cret"])
def test_what_is_no_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsError, match="NOTIFICATION_URLS: should be") as caught:
        addresses(environment(NOTIFICATION_URLS=text))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "address"),
    [
        (None, "ntfys://ntfy.sh/my-topic"),
        ("https://ntfy.example.com", "ntfys://ntfy.example.com/my-topic"),
        ("https://ntfy.example.com/", "ntfys://ntfy.example.com/my-topic"),
        ("http://localhost:8090", "ntfy://localhost:8090/my-topic"),
        ("https://user:pass@host:444", "ntfys://user:pass@host:444/my-topic"),
    ],
)
def test_the_predecessor_s_variables_name_an_ntfy_topic_on_their_server(
    server: str | None, address: str
) -> None:
    assert addresses(predecessor(server)) == (address,)


def test_they_do_nothing_unless_enabled() -> None:
    assert addresses(environment(USER_NOTIFICATIONS_CHANNEL="my-topic")) == ()


def test_both_ways_go_together() -> None:
    both = predecessor(None).model_copy(
        update={
            "notification_urls": environment(NOTIFICATION_URLS="tgram://1:b/2").notification_urls
        }
    )
    assert addresses(both) == ("tgram://1:b/2", "ntfys://ntfy.sh/my-topic")


@pytest.mark.parametrize(
    ("server", "channel", "named"),
    [
        ("ntfy.example.com", "ok", "SERVER_URL"),
        ("ftp://host", "ok", "SERVER_URL"),
        ("https://host/below", "ok", "SERVER_URL"),
        (None, "", "CHANNEL"),
        (None, "two words", "CHANNEL"),
    ],
)
def test_variables_that_make_no_address_are_refused(
    server: str | None, channel: str, named: str
) -> None:
    with pytest.raises(SettingsError, match=f"USER_NOTIFICATIONS_{named}: should be"):
        addresses(predecessor(server, channel))


@pytest.mark.parametrize(
    ("address", "silent", "urgent"),
    [
        ("ntfy://h/t", "ntfy://h/t?priority=low", "ntfy://h/t?priority=high"),
        (
            "ntfys://h/t?priority=min&image=no",
            "ntfys://h/t?image=no&priority=low",
            "ntfys://h/t?image=no&priority=high",
        ),
        ("tgram://1:b/2", "tgram://1:b/2?silent=yes", "tgram://1:b/2?silent=no"),
        ("slack://a/b/c", "slack://a/b/c", "slack://a/b/c"),
    ],
)
def test_services_that_know_volumes_get_one(address: str, silent: str, urgent: str) -> None:
    assert at_volume(address, Urgency.SILENT) == silent
    assert at_volume(address, Urgency.URGENT) == urgent
    assert at_volume(address, Urgency.NORMAL) == address
