#!/usr/bin/env bash
# Run any command of the rebalancer: tools/rebalancer.sh COMMAND [options] (--help lists them)
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
ready="$root/.venv/.ready"

# Set up again only when something that the environment is made of is newer than it.
stale() {
  local input
  [[ -e $ready ]] || return 0
  for input in "$root"/requirements/*.txt "$root"/packages/*/pyproject.toml "$root/event-broker/pyproject.toml"; do
    [[ $input -nt $ready ]] && return 0
  done
  return 1
}

# Standard output belongs to the command.
if stale; then
  "${PYTHON:-python3}" "$root/tools/bootstrap.py" runtime >&2
  touch "$ready"
fi
export REBALANCER_HOME="${REBALANCER_HOME:-$root}"
# -P: the directory it is called from must not be searched for modules.
exec "$root/.venv/bin/python" -P -m app "$@"
