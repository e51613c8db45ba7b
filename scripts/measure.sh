#!/usr/bin/env bash
# Measures what docs/OPERATIONS.md says about sizes: cold start, backup and restore of a large desk, each proved by the same hash.
# Usage: scripts/measure.sh [TICKETS]   (after `cargo build --release --workspace`; needs python3 and some gigabytes beside target)
set -euo pipefail
tickets=${1:-1000000}
root=$(cd "$(dirname "$0")/.." && pwd)
bin=$root/target/release/hotdesk
work=$root/target/measure
export HOTDESK_ADMIN_TOKEN=measure-administrator-token
rm -rf "$work" && mkdir -p "$work" && cd "$work"

# timed WHAT COMMAND…
timed() {
  local what=$1 began ended
  shift
  began=$(date +%s%N)
  "$@" 2>>log
  ended=$(date +%s%N)
  echo "$what: $(((ended - began) / 1000000)) ms"
}

# Starts a desk three times, and says how soon it was ready, what it took, and what its board comes to.
starts() {
  python3 - "$bin" "$1" <<'PYTHON'
import json, subprocess, sys, time, urllib.request
for _ in range(3):
    began = time.time()
    desk = subprocess.Popen([sys.argv[1], "serve", "--data", sys.argv[2], "--listen", "127.0.0.1:0"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = desk.stdout.readline().split()[-1]
    urllib.request.urlopen(url + "/healthz/ready").read()
    ready = (time.time() - began) * 1000
    status = open(f"/proc/{desk.pid}/status").read()
    kib = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
    ask = urllib.request.Request(url + "/api/v1/snapshot?topics=board",
                                 headers={"authorization": "Bearer measure-administrator-token"})
    board = json.load(urllib.request.urlopen(ask))
    desk.terminate()
    desk.wait()
    print(f"  ready after {ready:.0f} ms with {kib // 1024} MiB: seq {board['seq']}, board {board['board_hash']}")
PYTHON
}

echo "binary: $(stat -c %s "$bin") bytes"
echo "an empty desk:" && starts empty
timed "history of $tickets tickets" "$root/target/release/load-tests" history history.ndjson --tickets "$tickets"
timed "journal made of it" "$bin" journal import --data desk history.ndjson
rm history.ndjson
echo "the desk, $(du -sm desk/journal | cut -f1) MiB:" && starts desk
timed "backup into a file" "$bin" backup --data desk desk.ndjson.zst
echo "  $(stat -c %s desk.ndjson.zst) bytes"
timed "restore of it" "$bin" restore desk.ndjson.zst --data restored
echo "the restored desk:" && starts restored
timed "first copy into a place" "$bin" backup --data desk --to place
timed "next copy, of nothing new" "$bin" backup --data desk --to place
timed "check of a copy" "$bin" backup --data desk --to place --check
timed "erasing one ticket" "$bin" erase --ticket 1 --data desk
echo "messages of the program are in $work/log; remove $work when you have seen enough"
