"""Create or refresh .venv from the hashed locks; standard library only, safe to run in parallel.

Usage: python3 tools/bootstrap.py [runtime|dev]

The environment is complete when `.venv/.ready` holds the fingerprint of its inputs. The development
set contains the runtime set, so an environment that was set up for tests also serves the commands.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
READY = VENV / ".ready"


def projects() -> list[Path]:
    return [
        *sorted(p.parent for p in ROOT.glob("packages/*/pyproject.toml")),
        ROOT / "event-broker",
    ]


def fingerprint(lock: Path) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]} {ROOT}".encode())
    for path in [lock, *(project / "pyproject.toml" for project in projects())]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def pip(*arguments: str) -> None:
    # Twice quiet: errors are shown, warnings about caches and users are not.
    command = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--quiet"]
    command.append("--disable-pip-version-check")
    subprocess.run([*command, *arguments], check=True, cwd=ROOT)


def up_to_date(selection: str) -> bool:
    done = READY.read_text().split() if READY.exists() else []
    locks = ["dev"] if selection == "dev" else ["runtime", "dev"]
    return any(fingerprint(ROOT / "requirements" / f"{name}.txt") in done for name in locks)


def main(selection: str) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - the one file that an older Python may run
        print(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    lock = ROOT / "requirements" / f"{selection}.txt"
    with (ROOT / ".venv.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if up_to_date(selection):
            return 0
        print(f"Setting up .venv ({selection}); this happens once ...", file=sys.stderr)
        READY.unlink(missing_ok=True)
        if not (VENV / "bin" / "python").exists():
            venv.create(VENV, with_pip=True)
        pip("install", "--require-hashes", "-r", str(lock))
        editables = [part for project in projects() for part in ("-e", str(project))]
        pip("install", "--no-deps", "--no-build-isolation", *editables)
        READY.write_text(fingerprint(lock) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "runtime"))
    except subprocess.CalledProcessError as error:
        print(f"Set-up failed: {error}. Nothing else was changed; run it again.", file=sys.stderr)
        sys.exit(1)
