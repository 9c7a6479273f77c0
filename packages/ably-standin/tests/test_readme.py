"""The README's example runs as it is."""

import json
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def snippet(marker: str) -> str:
    """The code block behind this marker."""
    match = re.search(rf"<!-- test: {marker} -->\n```\w*\n(.*?)```", README.read_text(), re.DOTALL)
    assert match is not None
    return match[1]


def test_the_example_for_tests_runs() -> None:
    code = snippet("in-process")
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=30)


def test_the_example_for_processes_runs(tmp_path: Path) -> None:
    """Its three lines, on free ports instead of those in the text; the last without curl."""
    serve, publish, control = snippet("process").strip().splitlines()
    server = subprocess.Popen(
        _python(serve.replace("8089", "0").replace("8090", "0")),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        subprocess.run(_python(publish.replace("8089", str(ready["port"]))), check=True, timeout=20)
        _, _, body, address = shlex.split(control)
        url = "http://" + address.replace("8090", str(ready["control_port"]))
        with urllib.request.urlopen(url, body.encode(), timeout=20) as reply:
            assert json.load(reply) == {"result": None}
        server.terminate()
    assert server.returncode == 0


def _python(line: str) -> list[str]:
    """The words of a command line, with this interpreter."""
    return [sys.executable, *shlex.split(line)[1:]]
