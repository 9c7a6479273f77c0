#!/usr/bin/env bash
# Have the services of this machine read accounts.yaml, config.yaml and replacement-sets.yaml again.
# They do so by themselves within a second of a change; bad files are refused and the old ones stay.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/rebalancer.sh" reload "$@"
