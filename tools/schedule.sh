#!/usr/bin/env bash
# The market-open list: tools/schedule.sh list | add ID [--reason TEXT] | remove ID | clear
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/rebalancer.sh" schedule "$@"
