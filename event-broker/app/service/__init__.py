"""The service: all parts of it, put together and kept running."""

from .health import Health
from .roles import Role
from .service import Service

__all__ = ["Health", "Role", "Service"]
