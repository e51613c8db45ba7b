#!/usr/bin/env bash
# What came in from others: known weaknesses and licences of crates and packages. Where a tool or a database cannot be reached it
# says so and goes on; what it finds fails.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed=0

if cargo deny --version >/dev/null 2>&1; then
  if cargo deny fetch db >/dev/null 2>&1; then
    cargo deny check || failed=1
  else
    printf 'audit: the database of advisories is not reachable: advisories are skipped\n' >&2
    cargo deny --offline check bans licenses sources || failed=1
  fi
else
  printf 'audit: cargo-deny is not installed: crates are skipped (cargo install --locked cargo-deny)\n' >&2
fi

report=$(npm --prefix client audit --omit=dev --audit-level=high --json 2>/dev/null)
status=$?
if [ -z "$report" ] || printf '%s' "$report" | grep -q '"error"'; then
  printf 'audit: the registry does not answer: packages are skipped\n' >&2
elif [ "$status" -ne 0 ]; then
  npm --prefix client audit --omit=dev --audit-level=high
  failed=1
else
  printf 'audit: no known weakness of level high in the packages of the client\n'
fi
exit "$failed"
