#!/usr/bin/env bash
# Walks the API's own description with schemathesis against a desk of its own, with an administrator's token: no answer may be a
# 5xx, none may have a status, a type or a body that the document does not allow. Skipped, and says so, where schemathesis cannot be
# had. EXAMPLES is how many each call gets; after SECONDS_AT_MOST the walk ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

skip() {
  printf 'fuzz-api: skipped: %s\n' "$*" >&2
  exit 0
}

command -v python3 >/dev/null || skip "python3 is missing"
venv=target/fuzz-api
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv" 2>/dev/null || skip "python3 has no venv (Debian: apt-get install python3-venv)"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4,<5' 2>/dev/null ||
    skip "schemathesis cannot be installed: is the package index reachable?"
fi

cargo build --bin hotdesk
data=$(mktemp -d)
token=$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')
# The limits of calls would answer for the calls.
export HOTDESK__LIMITS__CALLS_PER_S=100000 HOTDESK__LIMITS__ANONYMOUS_CALLS_PER_S=100000 HOTDESK__LIMITS__ANONYMOUS_BURST=100000
HOTDESK_ADMIN_TOKEN=$token target/debug/hotdesk serve --data "$data/desk" --listen 127.0.0.1:0 >"$data/out" 2>"$data/log" &
desk=$!
trap 'kill "$desk" 2>/dev/null || true; wait "$desk" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$data/out")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || { printf 'fuzz-api: the desk did not start\n' >&2; exit 1; }

# The session's own end would end the walk.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance
timeout "${SECONDS_AT_MOST:-900}" "$venv/bin/schemathesis" run "$url/api/v1/openapi.json" --url "$url" \
  --header "Authorization: Bearer $token" --checks "$checks" --continue-on-failure \
  --exclude-path-regex '/session$' --max-examples "${EXAMPLES:-20}" --phases examples,coverage,fuzzing --workers 2
kill -0 "$desk" || { printf 'fuzz-api: the desk ended\n' >&2; exit 1; }
