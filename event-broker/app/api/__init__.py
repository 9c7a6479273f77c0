"""The management API: what an operator asks the service, over HTTP.

`create_api` makes the application from a `Backend`, `serve_api` serves it on a socket.
"""

from .application import create_api
from .backend import Backend, Health, Progress
from .server import ApiServer, serve_api

__all__ = ["ApiServer", "Backend", "Health", "Progress", "create_api", "serve_api"]
