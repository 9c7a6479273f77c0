#!/usr/bin/env bash
# Run the service: tools/serve.sh [--role ingest|worker|api|all]; Ctrl-C ends it in order
set -euo pipefail
exec "$(dirname "${BASH_SOURCE[0]}")/rebalancer.sh" serve "$@"
