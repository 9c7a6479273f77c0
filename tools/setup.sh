#!/usr/bin/env bash
# Create or refresh .venv from the hashed lock: tools/setup.sh [runtime|dev]
set -euo pipefail
exec "${PYTHON:-python3}" "$(dirname "${BASH_SOURCE[0]}")/bootstrap.py" "$@"
