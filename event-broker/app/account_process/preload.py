"""What the fork server loads and rehearses once for all account processes; it does nothing else.

The garbage collector is told to leave what is loaded alone: a collection in a child would write to
every object it visits, and so copy the pages that the children share with the fork server.
"""

import gc
import importlib
import signal

from app import standard_streams

# The service's terminal may be closed while account processes go on to be forked.
standard_streams.outlive_readers()

# Ctrl-C and a terminal that closes are for the command; its account processes then end in order.
# Ctrl-Z stops the command alone: an account process must not stand still with orders working.
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP):
    signal.signal(number, signal.SIG_IGN)
# A request to end waits until an account process can follow it in order.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

for name in (
    "app.account_process.operations",
    "app.account_process.rehearsal",
    # Libraries import these at their first use only, which would be in every child again.
    "_strptime",
    "encodings.idna",
    "anyio._backends._asyncio",
    "httpcore",
):
    importlib.import_module(name)

# What Python and its libraries keep from a first time is then there in every child.
importlib.import_module("app.account_process.rehearsal").rehearse()

gc.collect()
gc.freeze()
