"""The documentation against the repository: links, commands, messages, codes, reference pages."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from app.api import Backend, create_api
from app.cli import parse
from app.commands.outcome import CommandFailed
from app.settings import Environment
from app.settings.accounts import read_accounts

REPOSITORY = Path(__file__).resolve().parents[3]
TROUBLESHOOTING = REPOSITORY / "docs" / "troubleshooting.md"
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_TOOL = re.compile(r"(?:^|[\s`])(?:\./)?(tools/[\w.-]+\.sh)([^`\n]*)")
#: What stands for something in a command that is shown.
_PLACES = re.compile(r"\bID\b|\bNAME\b|\bTEXT\b|\bDIR\b")
_STANDS_FOR_MORE = re.compile(r"[|\[\]<>;,:)\\*]|\.\.\.|\bCOMMAND\b")
_ACCOUNT = "accounts:\n  - account_id: DU1\n    type: paper\n    strategy_name: alpha\n"
#: Tools that are short for a command.
_SHORT = {
    "rebalancer": [],
    "rebalance": ["rebalance"],
    "schedule": ["schedule"],
    "serve": ["serve"],
    "reload": ["reload"],
}


def test_every_relative_link_leads_somewhere() -> None:
    assert [f"{page}: {link}" for page in _pages() for link in _broken_links(page)] == []


def test_every_command_that_is_shown_exists() -> None:
    for page in _pages():
        for tool, rest in _TOOL.findall(page.read_text()):
            assert (REPOSITORY / tool).exists(), f"{page}: {tool}"
            if _is_shown_whole(tool, rest):
                _assert_understood(tool, rest, page)


def test_every_request_that_is_shown_is_one_that_the_api_answers() -> None:
    reference = (REPOSITORY / "docs" / "reference" / "http-api.md").read_text()
    known = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \|", reference, re.MULTILINE)
    endpoints = {(method, re.sub(r"\{\w+\}", "[^/]+", path)) for method, path in known}
    endpoints |= {("GET", "/docs"), ("GET", "/openapi.json")}
    shown = [(page, *asked) for page in _pages() for asked in _requests(page.read_text())]
    assert len(shown) > 15
    for page, method, path in shown:
        answered = (m == method and re.fullmatch(p, path) for m, p in endpoints)
        assert any(answered), f"{page}: {method} {path}"


def test_every_account_that_is_shown_can_be_read(tmp_path: Path) -> None:
    blocks = [
        block
        for page in (REPOSITORY / "docs").rglob("*.md")
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    assert len(blocks) > 3
    for block in blocks:
        # What is shown indented belongs to an account.
        text = block if block.startswith("accounts:") else f"{_ACCOUNT}{block}"
        (tmp_path / "accounts.yaml").write_text(text)
        accounts, notices = read_accounts(tmp_path / "accounts.yaml")
        assert accounts
        assert notices == ()


def test_every_variable_that_is_shown_is_one_that_is_read() -> None:
    known = {name.upper() for name in Environment.model_fields} | {"REBALANCER_HOME"}
    for page in (REPOSITORY / "docs").rglob("*.md"):
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL):
            shown = set(re.findall(r"^ *([A-Z_]{3,})=", block, re.MULTILINE))
            assert shown <= known, f"{page}: {shown - known}"


def test_every_message_that_is_explained_is_one_of_ours() -> None:
    ours = TROUBLESHOOTING.read_text().partition("## By our own message")[2]
    explained = re.findall(r"^\| `([^`]+)`", ours, re.MULTILINE)
    assert len(explained) > 40
    texts = _texts_of_the_code()
    unknown = [message for message in explained if not re.search(_pattern(message), texts)]
    assert unknown == []


def test_every_code_of_the_connector_is_explained_and_no_other() -> None:
    table = (REPOSITORY / "packages/ibkr-connector/src/ibkr_connector/errors.py").read_text()
    known = set(re.findall(r"^ {8}(\d+): _row\(", table, re.MULTILINE))
    by_code = TROUBLESHOOTING.read_text().partition("## By our own message")[0]
    cells = re.findall(r"^\| ([\d, ]+) \|", by_code, re.MULTILINE)
    explained = [code for cell in cells for code in cell.split(", ")]
    assert sorted(explained, key=int) == sorted(known, key=int)


def test_the_reference_pages_say_what_the_code_says() -> None:
    ended = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"run tools/reference.py: {ended.stdout}{ended.stderr}"


def test_every_query_parameter_is_listed() -> None:
    page = (REPOSITORY / "docs" / "reference" / "http-api.md").read_text()
    listed = re.findall(r"^\| `GET (/[^`]*)` \| `(\w+)` \|", page, re.MULTILINE)
    paths = create_api(cast(Backend, None)).openapi()["paths"]
    assert ("/queue/events", "state") in listed
    assert set(listed) == {
        (path, given["name"])
        for path, methods in paths.items()
        for given in methods.get("get", {}).get("parameters", ())
        if given["in"] == "query"
    }


def test_every_setting_says_what_it_is_for() -> None:
    page = (REPOSITORY / "docs" / "reference" / "configuration.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\|[^|]*\|(.*)\|$", page, re.MULTILINE)
    assert len(rows) > 90
    assert [key for key, meaning in rows if not meaning.strip()] == []


def _pattern(message: str) -> str:
    return ".*?".join(re.escape(piece.strip()) for piece in message.split("…") if piece.strip())


def _prose(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def _anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", _prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def _pages() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    pages = [REPOSITORY / name for name in listed.stdout.split()]
    return [page for page in pages if page.exists()]


def _broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_prose(page.read_text())):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in _anchors(target.read_text())):
            yield link


def _requests(text: str) -> Iterator[tuple[str, str]]:
    """Method and path of each request to the API, in lines that may be continued."""
    for line in text.replace("\\\n", " ").splitlines():
        for path in re.findall(r"localhost:8000(/[\w/.-]*)", line):
            method = re.search(r"-X ([A-Z]+)", line)
            yield method[1] if method else "POST" if " -d " in line else "GET", path


def _is_shown_whole(tool: str, rest: str) -> bool:
    """Commands of the rebalancer, unless dots, braces or a pipe stand for a part."""
    return Path(tool).stem in _SHORT and not _STANDS_FOR_MORE.search(_bare(rest))


def _bare(rest: str) -> str:
    return rest.split("  ")[0].split(" #")[0]


def _assert_understood(tool: str, rest: str, page: Path) -> None:
    words = [*_SHORT[Path(tool).stem], *shlex.split(_PLACES.sub("X", _bare(rest)))]
    try:
        if words:
            parse(words)
    except CommandFailed as error:
        # In a sentence a tool may be named alone.
        if _bare(rest).strip():
            pytest.fail(f"{page}: {tool}{rest}: {error}")
    except SystemExit as ended:
        # --help
        if ended.code:
            pytest.fail(f"{page}: {tool}{rest}")


@cache
def _texts_of_the_code() -> str:
    """Every text of the code, one a line, `…` for what varies in it."""
    return "\n".join(
        text
        for folder in ("event-broker/app", "packages")
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if "tests" not in path.parts
        for text in _texts(ast.parse(path.read_text()))
    )


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
            yield " ".join("".join(map(str, parts)).split())
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield " ".join(node.value.split())
