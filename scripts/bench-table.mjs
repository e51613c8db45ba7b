// What `cargo bench` measured, as a table against the recorded figures. Each figure is divided by the yardstick of its own run, so
// that runs on different machines can be compared: the last column says how many times as long a step takes as it did.
//
//   node scripts/bench-table.mjs            the table
//   node scripts/bench-table.mjs --record   the figures become those to compare with

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const measured = join(root, process.env.CARGO_TARGET_DIR ?? "target", "criterion");
const recorded = join(root, "benches", "recorded.json");
const YARDSTICK = "yardstick";

// Steps whose time is mostly the disk's are shown, not compared.
const DISK = /on disk$/;

function figures(folder) {
  const found = {};
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    const estimates = join(path, "new", "estimates.json");
    if (existsSync(estimates)) {
      const { slope, median } = JSON.parse(readFileSync(estimates, "utf8"));
      const { full_id: name } = JSON.parse(readFileSync(join(path, "new", "benchmark.json"), "utf8"));
      found[name] = (slope ?? median).point_estimate;
    } else if (entry.name !== "report") {
      Object.assign(found, figures(path));
    }
  }
  return found;
}

function time(nanoseconds) {
  if (nanoseconds < 1e3) return `${nanoseconds.toFixed(0)} ns`;
  return nanoseconds < 1e6 ? `${(nanoseconds / 1e3).toFixed(2)} µs` : `${(nanoseconds / 1e6).toFixed(2)} ms`;
}

const now = existsSync(measured) ? figures(measured) : {};
if (!now[YARDSTICK]) {
  console.error("bench: nothing measured yet: cargo bench --bench hot_paths");
  process.exit(2);
}
const shares = Object.fromEntries(Object.entries(now).map(([name, figure]) => [name, figure / now[YARDSTICK]]));

if (process.argv.includes("--record")) {
  const rounded = Object.fromEntries(Object.entries(shares).sort().map(([name, share]) => [name, Number(share.toPrecision(4))]));
  writeFileSync(recorded, `${JSON.stringify({ unit: YARDSTICK, steps: rounded }, null, 2)}\n`);
  console.log(`recorded in ${relative(root, recorded)}`);
  process.exit(0);
}

const before = JSON.parse(readFileSync(recorded, "utf8")).steps;
const rows = Object.keys({ ...before, ...now }).sort();
console.log(`${"step".padEnd(26)}${"time".padStart(12)}${"yardsticks".padStart(14)}${"recorded".padStart(12)}${"ratio".padStart(9)}`);
for (const name of rows) {
  const [share, old] = [shares[name], before[name]];
  const ratio = share && old && !DISK.test(name) && name !== YARDSTICK ? `${(share / old).toFixed(2)}x` : "";
  const cell = (value, width) => (value === undefined ? "-" : value.toPrecision(3)).padStart(width);
  const took = now[name] === undefined ? "gone" : time(now[name]);
  console.log(`${name.padEnd(26)}${took.padStart(12)}${cell(share, 14)}${cell(old, 12)}${ratio.padStart(9)}`);
}
