#!/usr/bin/env bash
# Rebalance through faults and judge by the exchange's books: tools/chaos.sh --runs N --seed S [--workers W]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh dev >&2
exec .venv/bin/python -m chaos "$@"
