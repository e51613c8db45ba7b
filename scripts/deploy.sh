#!/usr/bin/env bash
# Deploys a version to App Engine without traffic, tries it out at its own address, moves the traffic in steps, and moves it back when
# the new version fails. Needs gcloud (signed in), curl and jq.
#
#   scripts/deploy.sh deploy VERSION     the whole way; on failure the traffic is where it was, and the status is 1
#   scripts/deploy.sh rollback           traffic back to what `deploy` found, as it noted in STATE_FILE
#
# Environment: PROJECT (needed), SERVICE (default), APP_YAML (app.yaml), STEPS ("0.1 0.5 1"), STEP_CHECKS (how many probes pass
# before the next step, 10), STEP_PAUSE_S (between probes, 3), STATE_FILE (target/deploy-before.json), MAX_FAILED (probes that may
# fail in a step, 0).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SERVICE=${SERVICE:-default}
APP_YAML=${APP_YAML:-app.yaml}
STEPS=${STEPS:-0.1 0.5 1}
STEP_CHECKS=${STEP_CHECKS:-10}
STEP_PAUSE_S=${STEP_PAUSE_S:-3}
STATE_FILE=${STATE_FILE:-target/deploy-before.json}
MAX_FAILED=${MAX_FAILED:-0}

say() { printf 'deploy: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
cloud() { gcloud --project "$PROJECT" --quiet "$@"; }

# A desk that answers: ready, with its page and its contract.
answers() {
  local url=$1
  curl --fail --silent --show-error --max-time 10 --output /dev/null "$url/healthz/ready" &&
    curl --fail --silent --show-error --max-time 10 "$url/api/v1/openapi.json" | jq --exit-status '.openapi' >/dev/null &&
    curl --fail --silent --show-error --max-time 10 "$url/" | grep --quiet '<div id="root">'
}

# The splits as `set-traffic` takes them: a=0.5,b=0.5
splits() { jq --raw-output 'to_entries | map("\(.key)=\(.value)") | join(",")'; }

set_traffic() { cloud app services set-traffic "$SERVICE" --splits="$1" --split-by=cookie; }

rollback() {
  [ -s "$STATE_FILE" ] || die "nothing to go back to: $STATE_FILE is missing"
  local before
  before=$(splits <"$STATE_FILE")
  say "traffic goes back to $before"
  set_traffic "$before"
}

# Probes the address that customers use. Fails once more than MAX_FAILED probes have failed.
watch_over() {
  local url=$1 failed=0 check
  for check in $(seq "$STEP_CHECKS"); do
    if ! answers "$url"; then
      failed=$((failed + 1))
      say "probe $check of $STEP_CHECKS failed"
      [ "$failed" -le "$MAX_FAILED" ] || return 1
    fi
    [ "$check" = "$STEP_CHECKS" ] || sleep "$STEP_PAUSE_S"
  done
}

deploy() {
  local version=$1 before url live old share rest
  [[ $version =~ ^[a-z0-9][a-z0-9-]{0,62}$ ]] || die "a version has small letters, digits and dashes: $version"
  if cloud app versions describe "$version" --service "$SERVICE" >/dev/null 2>&1; then
    die "version $version is there already, and deploying over it would end it: take another name"
  fi
  mkdir -p "$(dirname "$STATE_FILE")"
  before=$(cloud app services describe "$SERVICE" --format=json 2>/dev/null | jq '.split.allocations // {}') || before='{}'
  printf '%s\n' "$before" >"$STATE_FILE"

  cloud app deploy "$APP_YAML" --version "$version" --no-promote
  url=$(cloud app versions describe "$version" --service "$SERVICE" --format='value(versionUrl)')
  answers "$url" || die "version $version does not answer at $url; it has no traffic"
  say "version $version answers at $url"

  if [ "$(jq 'length' <<<"$before")" = 0 ]; then
    set_traffic "$version=1"
    return
  fi
  live=$(cloud app describe --format='value(defaultHostname)')
  old=$(jq --raw-output 'to_entries | max_by(.value) | .key' <<<"$before")
  for share in $STEPS; do
    rest=$(jq --null-input --arg share "$share" '1 - ($share | tonumber) | . * 1000 | round / 1000')
    say "$share of the traffic to $version"
    if [ "$rest" = 0 ]; then set_traffic "$version=1"; else set_traffic "$version=$share,$old=$rest"; fi
    if ! watch_over "https://$live"; then
      rollback
      die "version $version failed with $share of the traffic"
    fi
  done
  say "version $version has all traffic"
}

[ -n "${PROJECT:-}" ] || die "PROJECT is not set"
case "${1:-}" in
  deploy) deploy "${2:?which version?}" ;;
  rollback) rollback ;;
  *) die "deploy VERSION, or rollback" ;;
esac
