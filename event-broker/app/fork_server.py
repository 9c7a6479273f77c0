"""The fork server behind account processes: started early, so that it loads while others work.

A fresh interpreter with the broker's library costs half a second; a fork of one that has it loaded
costs a few hundredths. This module imports nothing heavy, so that the server can start first.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext

from app import interruption

#: Imported by the fork server once, so that a fork finds it all in memory.
PRELOAD = ["app.account_process.preload"]
#: What takes time and only an allocation service behind TLS needs.
PRELOAD_TLS = [*PRELOAD, "app.account_process.preload_tls"]


def context() -> ForkServerContext:
    """The multiprocessing context whose processes are forked from the preloaded server."""
    return multiprocessing.get_context("forkserver")


def start(allocations_url: str | None = None) -> None:
    """Let the fork server load in the background; harmless when it runs already."""
    needs_tls = (allocations_url or "").startswith("https:")
    context().set_forkserver_preload(PRELOAD_TLS if needs_tls else PRELOAD)
    # First, because its own start would let signals through to the fork server's.
    resource_tracker.ensure_running()
    with interruption.kept_from_children():
        forkserver.ensure_running()
