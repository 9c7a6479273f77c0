"""How the life of one client ends."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from app.ably_service import Patience
from app.ably_service.options import Access
from app.ably_service.server_time import ServerTime
from app.ably_service.session import Session


async def test_one_that_is_cancelled_while_it_is_stopped_leaves_no_error_to_tell() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    # Nobody listens there.
    access = Access(key="standin.key:secret", endpoint="127.0.0.1:9", tls=False)
    session = Session(access, Patience(), ServerTime(), lambda *_: None, str, lambda _: None)
    session.stop()
    # Python tells of an exception that nobody asked for when its last owner lets go of it.
    del session
    gc.collect()
    assert told == []
