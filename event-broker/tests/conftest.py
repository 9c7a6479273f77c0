"""A home directory with working files, to be spoilt by each test in its own way."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from textwrap import dedent
from typing import Any

import psutil
import pytest

from app.store import open_store
from app.store.testing import PostgresServer, create_database, drop_database, empty_tables
from broker_connector_base.testing import VirtualTimeLoop

#: Talk to fakes of their own only: waiting costs no time.
_VIRTUAL_TIME = {"test_interrupted_runs.py", "test_lease_keeper.py"}

ACCOUNTS = """\
accounts:
  - account_id: DU100
    type: paper
    strategy_name: alpha
  - account_id: DU200
    type: paper
    enabled: false
    strategy_name: beta
  - account_id: U300
    type: live
    strategy_name: alpha
"""

Write = Callable[[str, str], Path]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of each test module."""
    if item.path.name in _VIRTUAL_TIME:
        return {"virtual-time": VirtualTimeLoop}
    return {"real-time": asyncio.SelectorEventLoop}


@pytest.fixture
def fork_servers() -> Callable[[], list[psutil.Process]]:
    """This process's fork server, if there is one."""

    def is_one(process: psutil.Process) -> bool:
        try:
            return "multiprocessing.forkserver" in " ".join(process.cmdline())
        except psutil.Error:
            # It has ended and nobody has asked how.
            return False

    return lambda: [child for child in psutil.Process().children() if is_one(child)]


@pytest.fixture
def fork_server_stopped(
    fork_servers: Callable[[], list[psutil.Process]],
) -> Callable[[], AbstractContextManager[None]]:
    """A block in which this process's fork server, which must be running, stands still."""

    @contextmanager
    def stopped() -> Iterator[None]:
        (server,) = fork_servers()
        server.suspend()
        try:
            yield
        finally:
            server.resume()

    return stopped


@pytest.fixture
def no_thread_left() -> Callable[[], AbstractContextManager[None]]:
    """A block in which no thread can be started: its stack is more than a process can address."""

    @contextmanager
    def without_threads() -> Iterator[None]:
        before = threading.stack_size(2**47)
        try:
            yield
        finally:
            threading.stack_size(before)

    return without_threads


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "accounts.yaml").write_text(ACCOUNTS)
    return tmp_path


@pytest.fixture
def write(home: Path) -> Write:
    """Write a file of the home directory."""

    def write_file(name: str, text: str) -> Path:
        path = home / name
        path.write_text(dedent(text))
        return path

    return write_file


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server: TEST_DATABASE_URL, or one that all workers of this test run share."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with PostgresServer(Path(tempfile.gettempdir()) / f"test-postgres-{run}") as server:
        yield server.url


@pytest.fixture(scope="session")
def _postgres_database(postgres_server: str) -> Iterator[str]:
    name = f"test_{os.getpid()}"
    url = create_database(postgres_server, name)
    open_store(url).close()
    yield url
    drop_database(postgres_server, name)


@pytest.fixture
def postgres_url(_postgres_database: str) -> str:
    """An empty store in PostgreSQL."""
    empty_tables(_postgres_database)
    return _postgres_database


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "events.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """An empty store in a file."""
    path = tmp_path / "events.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty store, once in each engine."""
    url: str = request.getfixturevalue(
        {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    )
    return url


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

    def next_post(self, seconds: float = 10) -> Post:
        """The next request that came; waits for it."""
        return self.posts.get(timeout=seconds)


@pytest.fixture
def ntfy_server() -> Iterator[NtfyServer]:
    """A server on the loopback that takes notifications the way ntfy does, and keeps what came."""
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
