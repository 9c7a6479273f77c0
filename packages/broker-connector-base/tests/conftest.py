"""Every test of this package runs on a loop that never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

pytest.register_assert_rewrite("broker_connector_base.testing")

from broker_connector_base.testing import VirtualTimeLoop  # noqa: E402


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual-time": VirtualTimeLoop}
