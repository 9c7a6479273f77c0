"""The service: all parts of it, put together and kept running."""

from .answering import Waiting, answering
from .health import Health
from .roles import Role
from .service import Service

__all__ = ["Health", "Role", "Service", "Waiting", "answering"]
