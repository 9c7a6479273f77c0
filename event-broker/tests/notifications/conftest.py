"""A server that takes notifications."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def server(ntfy_server: Any) -> Any:
    return ntfy_server
