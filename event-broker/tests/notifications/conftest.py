"""A server on the loopback that takes notifications the way ntfy does, and keeps what came."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import pytest


@dataclass(frozen=True, kw_only=True)
class Post:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class NtfyServer:
    """Answers 200, or the statuses that it is told, and not at all while it is held."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    posts: Queue[Post] = field(default_factory=Queue)
    #: Cleared: requests wait for it.
    answers: threading.Event = field(default_factory=threading.Event)

    def address(self, topic: str = "alerts") -> str:
        """What apprise calls it."""
        return f"ntfy://127.0.0.1:{self.port}/{topic}"

    def next_post(self) -> Post:
        """The next request that came; waits for it."""
        return self.posts.get(timeout=10)


@pytest.fixture
def server() -> Iterator[NtfyServer]:
    ntfy = NtfyServer()
    ntfy.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            ntfy.posts.put(Post(path=self.path, headers=headers, body=json.loads(content)))
            ntfy.answers.wait(20)
            self.send_response(ntfy.statuses.pop(0) if ntfy.statuses else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        ntfy.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield ntfy
        ntfy.answers.set()
        listening.shutdown()
        thread.join()
