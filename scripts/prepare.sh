#!/usr/bin/env bash
# Checks for what the build needs and installs what it can: the client's packages, and with --browser a Chromium from the
# Debian packages where there is none. What it cannot install it names, and fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  printf 'prepare: %s\n' "$*" >&2
  exit 1
}

command -v cc >/dev/null || fail "a C compiler is missing (Debian: apt-get install build-essential)"
command -v cargo >/dev/null || fail "Rust is missing: install it with rustup, https://rustup.rs"
wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
found=$(rustc --version | cut -d ' ' -f 2)
[ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
  fail "Rust $wanted or newer is needed, this is $found (rustup update stable)"

command -v node >/dev/null || fail "Node.js is missing: install version 20.19 or newer"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "Node.js 20.19 or newer is needed, this is $(node --version)"
command -v npm >/dev/null || fail "npm is missing: it comes with Node.js"

# npm leaves a copy of what it installed; a newer lock file means that something is missing.
if [ ! client/node_modules/.package-lock.json -nt client/package-lock.json ]; then
  npm --prefix client ci
  touch client/node_modules/.package-lock.json
fi

[ "${1:-}" = "--browser" ] || exit 0
if [ -x "${HOTDESK_CHROMIUM:-/usr/bin/chromium}" ]; then exit 0; fi
if command -v apt-get >/dev/null; then
  if [ "$(id -u)" = 0 ]; then
    sudo=()
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo=(sudo -n)
  else
    fail "Chromium is missing, and installing it needs root: apt-get install chromium"
  fi
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends chromium
  exit 0
fi
fail "Chromium is missing: install it, and name it in the variable HOTDESK_CHROMIUM"
