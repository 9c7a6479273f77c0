#!/usr/bin/env bash
# Check accounts.yaml, config.yaml and replacement-sets.yaml. Running services take good ones over by
# themselves within two seconds (or on SIGHUP); bad ones are refused, and what was in force stays.
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/rebalancer.sh" reload "$@"
