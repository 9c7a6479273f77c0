"""Where the settings lead, and how long the service waits."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from app.ably_service import Patience
from app.ably_service.options import Access
from app.settings import Environment


@dataclass(frozen=True, kw_only=True)
class Case:
    settings: dict[str, str]
    rest_endpoint: str | None
    rest_port: int | None


@pytest.mark.parametrize(
    "case",
    [
        Case(settings={}, rest_endpoint=None, rest_port=None),
        Case(settings={"ABLY_ENDPOINT": "main"}, rest_endpoint="main", rest_port=None),
        Case(settings={"ABLY_ENDPOINT": "h.test:81"}, rest_endpoint="h.test", rest_port=81),
        Case(
            settings={"ABLY_ENDPOINT": "h:81", "ABLY_REST_ENDPOINT": "r", "ABLY_REST_PORT": "82"},
            rest_endpoint="r",
            rest_port=82,
        ),
    ],
)
def test_history_is_where_the_realtime_service_is_unless_told_otherwise(case: Case) -> None:
    environment = Environment.model_validate({"REALTIME_API_KEY": "a.b:c"} | case.settings)
    access = Access.of(environment)
    assert access is not None
    assert (access.rest_endpoint, access.rest_port) == (case.rest_endpoint, case.rest_port)
    assert access.endpoint == case.settings.get("ABLY_ENDPOINT")


def test_the_key_goes_by_the_predecessors_name_too_and_is_not_shown() -> None:
    name = "REBALANCE_EVENT_SUBSCRIPTION_API_KEY"
    access = Access.of(Environment.model_validate({name: SecretStr("a.b:c")}))
    assert access is not None
    assert access.key == "a.b:c"
    assert "a.b:c" not in repr(access)
    assert Access.of(Environment()) is None


def test_retries_are_twice_as_far_apart_each_time_up_to_a_sweep() -> None:
    patience = Patience()
    waits = [patience.retry(failures) for failures in (1, 2, 3, 7, 10_000)]
    assert waits == [1.0, 2.0, 4.0, 60.0, 60.0]
