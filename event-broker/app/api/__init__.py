"""The management API: what an operator asks the service, over HTTP.

`create_api` makes the application from a `Backend`, `serve_api` serves it on a socket.
"""

from .application import create_api
from .backend import Backend, HealthNow, ProgressOfEvents
from .server import AddressTaken, ApiServer, serve_api

__all__ = [
    "AddressTaken",
    "ApiServer",
    "Backend",
    "HealthNow",
    "ProgressOfEvents",
    "create_api",
    "serve_api",
]
