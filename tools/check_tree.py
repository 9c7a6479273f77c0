"""Refuse what must never be committed: index hosts in set-up files, secrets, paths of one machine.

Reads the files that git tracks; prints one line a finding; exits 1 if there is any.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETUP_FILES = re.compile(r"(^|/)(requirements|tools|\.ci)/|\.lock$|Dockerfile|pip\.conf$")
RULES = [
    (
        "names a package index",
        SETUP_FILES,
        re.compile(r"(https?|file)://(?!127\.0\.0\.1|localhost)|--(extra-)?index-url\b(?!-)"),
    ),
    ("holds a private key", re.compile(""), re.compile(r"BEGIN [A-Z ]*PRIVATE KEY")),
    (
        "holds a machine's path",
        re.compile(""),
        re.compile(r"(?<![\w./-])/(home/\w+|root|Users/\w+|work)/\w"),
    ),
]
#: Files that must spell a pattern to look for it.
EXEMPT = {"tools/check_tree.py"}


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    return [name for name in listing.stdout.decode().split("\0") if name and name not in EXEMPT]


def findings(name: str) -> list[str]:
    try:
        text = (ROOT / name).read_text()
    except (UnicodeDecodeError, FileNotFoundError):
        return []
    rules = [(what, pattern) for what, files, pattern in RULES if files.search(name)]
    return [
        f"{name}:{number}: {what}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in rules
        if pattern.search(line)
    ]


if __name__ == "__main__":
    found = [line for name in tracked() for line in findings(name)]
    print("\n".join(found) or "clean")
    sys.exit(1 if found else 0)
