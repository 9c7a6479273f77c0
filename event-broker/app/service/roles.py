"""What a process of the service does; several processes on one store may share the work."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The value of `--role`."""

    #: Listens to Ably, dispatches messages and keeps the schedules. One process is enough.
    INGEST = "ingest"
    #: Works events. Any number of processes.
    WORKER = "worker"
    #: Answers the management API. The others answer probes and metrics alone.
    API = "api"
    ALL = "all"

    def includes(self, part: Role) -> bool:
        """Whether a process of this role does that part."""
        return self in (part, Role.ALL)
