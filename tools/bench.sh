#!/usr/bin/env bash
# Measure and print JSON: tools/bench.sh [allocation ...] (all measurements without arguments)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh dev
exec .venv/bin/python -m benchmarks "$@"
