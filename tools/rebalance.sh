#!/usr/bin/env bash
# Preview or trade one account: tools/rebalance.sh -account ID [-exec print-rebalance|rebalance]
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/rebalancer.sh" rebalance "$@"
