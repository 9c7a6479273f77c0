"""What the fork server loads once for all account processes; it does nothing else.

The garbage collector is told to leave what is loaded alone: a collection in a child would write to
every object it visits, and so copy the pages that the children share with the fork server.
"""

import gc
import signal

# Ctrl-C is for the command, which then ends its account processes in an orderly way.
signal.signal(signal.SIGINT, signal.SIG_IGN)

# Libraries import these at the first use only, which would be in every child again.
import _strptime  # noqa: E402

import anyio._backends._asyncio  # noqa: E402
import httpcore  # noqa: E402

from . import operations  # noqa: E402

__all__ = ["_strptime", "anyio", "httpcore", "operations"]

gc.collect()
gc.freeze()
