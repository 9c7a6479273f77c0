#!/usr/bin/env bash
# mypy over all sources, then over each test folder by itself: every folder may have its own conftest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/.venv/bin:$PATH"
mypy packages/*/src event-broker/app tools benchmarks chaos
for tests in packages/*/tests packages/*/benchmarks event-broker/tests; do
  [ -n "$(find "$tests" -name '*.py' -print -quit)" ] || continue
  mypy --no-error-summary "$tests" || { echo "mypy: $tests" >&2; exit 1; }
done
