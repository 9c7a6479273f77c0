#!/usr/bin/env bash
# Set everything up and run every check and test: tools/test.sh [pytest arguments]
# With arguments only those tests run, without the checks and without coverage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh dev
export PATH="$PWD/.venv/bin:$PATH"

if [ $# -gt 0 ]; then
  exec pytest "$@"
fi

step() { printf '\n== %s\n' "$1"; }

step "lint";             ruff check . && ruff format --check . && shellcheck tools/*.sh .ci/run
step "tree";             python tools/check_tree.py
step "import contracts"; lint-imports
step "types";            tools/types.sh

step "tests"
rm -f .coverage .coverage.*
coverage run -m pytest -n "${TEST_WORKERS:-2}" --dist worksteal
coverage combine --quiet
rm -f .coverage.* # left half-written by processes that tests killed

step "branch coverage, at least 90 % a package"
for source in packages/*/src event-broker/app; do
  total=$(coverage report --format=total --include="$PWD/$source/*")
  printf '%5s %%  %s\n' "$total" "$source"
  if [ "$total" -lt 90 ]; then
    coverage report --include="$PWD/$source/*"
    exit 1
  fi
done
