#!/usr/bin/env bash
# Where the server's time goes under a measurement of the load tests, as a picture: scripts/flamegraph.sh commands docs/flamegraphs
# Needs perf (Debian: linux-perf) and inferno (cargo install inferno). Builds with frame pointers into a folder of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

what=${1:?name a measurement: commands or fan-out}
into=${2:-target/flamegraphs}
# The last seconds of a run are its last measurement.
seconds=${SECONDS_SHOWN:-3.5}
for tool in perf inferno-collapse-perf inferno-flamegraph; do
  command -v "$tool" >/dev/null || { echo "flamegraph: $tool is missing" >&2; exit 1; }
done

RUSTFLAGS=-Cforce-frame-pointers=yes cargo build --release --workspace --target-dir target/frames
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
perf record -q -F 499 --call-graph fp -o "$work/samples" target/frames/release/load-tests bench --only "$what"

# Threads of the server are known by their process; the journal's thread is one that only the server has.
server=$(perf script -i "$work/samples" --comm journal -F pid | tail -n 1 | tr -d ' ')
end=$(perf script -i "$work/samples" --pid "$server" -F time | tail -n 1 | tr -d ' :')
begin=$(awk -v end="$end" -v seconds="$seconds" 'BEGIN { printf "%.6f", end - seconds }')
mkdir -p "$into"
perf script -i "$work/samples" --pid "$server" --no-inline --time "$begin,$end" |
  inferno-collapse-perf 2>/dev/null | sed -E 's/::h[0-9a-f]{16}//g' |
  inferno-flamegraph --title "The server under: $what" --subtitle "CPU time by thread and call" \
    --minwidth 0.3 --colors rust --width 1400 --inverted |
  # The picture alone: nothing runs in it, and the names are shown where the pointer rests.
  perl -0pe 's{<script.*?</script>}{}s; s{ onload="init\(evt\)"}{}; s{<text id="(?:details|unzoom|search|matched)".*?</text>}{}g' \
    >"$into/$what.svg"
echo "$into/$what.svg"
