"""Whatever fits the OpenAPI document, or almost does, is answered without a server error."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from app.api import create_api
from app.settings import load_settings
from app.store import open_store

from .conftest import KEY, Service

_HEADERS = {"Authorization": f"Bearer {KEY}"}
#: Of each endpoint and kind of request.
_EXAMPLES = 8


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_makes_the_service_fail(
    mode: GenerationMode, home: Path, database_url: str
) -> None:
    with open_store(database_url) as store:
        service = Service(store=store, settings=load_settings(home, {"MANAGEMENT_API_KEY": KEY}))
        # Time flies, so that no limit is ever reached.
        api = create_api(service, clock=itertools.count(step=1000).__next__)
        schema = schemathesis.openapi.from_asgi("/openapi.json", api)
        asked = 0
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()

            @settings(
                max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: schemathesis.Case[Any]) -> None:
                nonlocal asked
                asked += 1
                case.call_and_validate(checks=[not_a_server_error], headers=_HEADERS)

            # Where nothing can be sent, nothing wrong can be sent.
            with suppress(Unsatisfiable):
                ask()
        assert asked > 100
