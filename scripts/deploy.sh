#!/usr/bin/env bash
# Deploys a version to App Engine without traffic, tries it out at its own address, moves the traffic in steps, and moves it back when
# the new version fails: does not answer, or answers too often with a fault of its own. Needs gcloud (signed in), curl and jq.
#
#   scripts/deploy.sh deploy VERSION     the whole way; on failure, or when it is stopped, the traffic goes back to where it was
#   scripts/deploy.sh rollback           traffic back to what `deploy` found, as it noted in STATE_FILE
#
# Environment: PROJECT (needed), SERVICE (default), APP_YAML (app.yaml), STEPS ("0.1 0.5 1"), STEP_CHECKS (how many probes pass
# before the next step, 10), STEP_PAUSE_S (between probes, 3), STATE_FILE (target/deploy-before.json), MAX_FAILED (probes that may
# fail in a step, 0), MAX_ERROR_PERCENT (of the new version's answers in a step that may be 5xx, 1; `off` does not look),
# OPERATIONS_TOKEN (the desk's server.operations_token, where it has one: its figures are read at /metrics).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SERVICE=${SERVICE:-default}
APP_YAML=${APP_YAML:-app.yaml}
STEPS=${STEPS:-0.1 0.5 1}
STEP_CHECKS=${STEP_CHECKS:-10}
STEP_PAUSE_S=${STEP_PAUSE_S:-3}
STATE_FILE=${STATE_FILE:-target/deploy-before.json}
MAX_FAILED=${MAX_FAILED:-0}
MAX_ERROR_PERCENT=${MAX_ERROR_PERCENT:-1}

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
  local before
  before=$(splits <"$STATE_FILE" 2>/dev/null) || before=''
  [ -n "$before" ] || die "nothing to go back to in $STATE_FILE"
  say "traffic goes back to $before"
  set_traffic "$before"
}

# However a deployment ends between the first traffic and the last step: errors, signals, a gcloud that fails.
take_back() {
  local attempt
  trap '' INT TERM
  for attempt in 1 2 3; do
    rollback && return
    say "attempt $attempt to move the traffic back failed"
  done
  say "the traffic is NOT where it was: run scripts/deploy.sh rollback"
}

# What gcloud says of something; nothing if it says that there is no such thing. Anything else that goes wrong is a failure.
describe() {
  local problem status=0
  problem=$(mktemp)
  cloud "$@" 2>"$problem" || status=$?
  if [ "$status" != 0 ] && grep --quiet --ignore-case --extended-regexp 'not[ _]found' "$problem"; then
    status=0
  elif [ "$status" != 0 ]; then
    cat "$problem" >&2
  fi
  rm -f "$problem"
  return "$status"
}

# How many requests a version has answered, and how many of them with 5xx.
answered() {
  local bearer=()
  [ -z "${OPERATIONS_TOKEN:-}" ] || bearer=(--header "Authorization: Bearer $OPERATIONS_TOKEN")
  curl --fail --silent --show-error --max-time 10 "${bearer[@]}" "$1/metrics" |
    awk '/^hotdesk_http_requests_total\{/ { all += $NF; if (/status="5/) bad += $NF } END { if (!NR) exit 1; printf "%d %d\n", all, bad }'
}

# Fails where more of the answers since `before` than MAX_ERROR_PERCENT are faults, or nobody knows.
is_well() {
  local url=$1 before=$2 now all bad all_before bad_before
  [ "$MAX_ERROR_PERCENT" != off ] || return 0
  if ! now=$(answered "$url"); then
    say "the figures at $url/metrics cannot be read (OPERATIONS_TOKEN, or MAX_ERROR_PERCENT=off)"
    return 1
  fi
  read -r all bad <<<"$now"
  read -r all_before bad_before <<<"$before"
  # A version that was started again counts from zero.
  if [ "$all" -ge "$all_before" ]; then
    all=$((all - all_before)) bad=$((bad - bad_before))
  fi
  if awk -v all="$all" -v bad="$bad" -v most="$MAX_ERROR_PERCENT" 'BEGIN { exit !(bad * 100 > most * all) }'; then
    say "$bad of $all answers were faults of the new version, more than $MAX_ERROR_PERCENT %"
    return 1
  fi
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
    if [ "$check" != "$STEP_CHECKS" ]; then
      # So that a signal is heard at once.
      sleep "$STEP_PAUSE_S" &
      wait $!
    fi
  done
}

deploy() {
  local version=$1 there before url live old share rest so_far='0 0'
  [[ $version =~ ^[a-z0-9][a-z0-9-]{0,62}$ ]] || die "a version has small letters, digits and dashes: $version"
  there=$(describe app versions describe "$version" --service "$SERVICE") || die "gcloud does not say whether $version is there"
  [ -z "$there" ] || die "version $version is there already, and deploying over it would end it: take another name"
  mkdir -p "$(dirname "$STATE_FILE")"
  before=$(describe app services describe "$SERVICE" --format=json) || die "gcloud does not say where the traffic goes now"
  # Without a service this is its first deployment.
  before=$(jq '.split.allocations // {}' <<<"${before:-{\}}") || die "gcloud says something else than where the traffic goes"
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
  trap take_back EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  for share in $STEPS; do
    if [ "$MAX_ERROR_PERCENT" != off ]; then
      so_far=$(answered "$url") || die "the figures at $url/metrics cannot be read (OPERATIONS_TOKEN, or MAX_ERROR_PERCENT=off)"
    fi
    rest=$(jq --null-input --arg share "$share" '1 - ($share | tonumber) | . * 1000 | round / 1000')
    say "$share of the traffic to $version"
    if [ "$rest" = 0 ]; then set_traffic "$version=1"; else set_traffic "$version=$share,$old=$rest"; fi
    if ! watch_over "https://$live" || ! is_well "$url" "$so_far"; then
      die "version $version failed with $share of the traffic"
    fi
  done
  trap - EXIT INT TERM
  say "version $version has all traffic"
}

[ -n "${PROJECT:-}" ] || die "PROJECT is not set"
case "${1:-}" in
  deploy) deploy "${2:?which version?}" ;;
  rollback) rollback ;;
  *) die "deploy VERSION, or rollback" ;;
esac
