#!/usr/bin/env bash
# Rebuild the hashed locks in requirements/ from requirements/*.in (needs uv on the PATH).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ours=()
for project in packages/*/ event-broker/; do ours+=(--no-emit-package "$(basename "$project")"); done
for name in runtime dev; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-header --no-annotate "${ours[@]}" "requirements/$name.in" -o "requirements/$name.txt"
done
