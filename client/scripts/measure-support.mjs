// What the measurements of the client have in common: a desk with many tickets, a load, and figures.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ADMIN, BINARY, call, startDesk } from "../e2e/support.mjs";

const PRIORITIES = ["low", "normal", "high", "urgent"];

/** A desk without demo data but with so many tickets. */
export async function deskWith(tickets) {
  const desk = await startDesk({ demo: false });
  const folder = await mkdtemp(join(tmpdir(), "hotdesk-measure-"));
  const file = join(folder, "tickets.csv");
  const rows = ["subject,body,requester.name,requester.email,priority,tags"];
  for (let n = 1; n <= tickets; n += 1) {
    rows.push(
      `Parcel ${n} has not arrived,It should have come ${n % 9} days ago.,Rosa ${n},rosa${n % 997}@example.com,${PRIORITIES[n % 4]},parcel`,
    );
  }
  await writeFile(file, `${rows.join("\n")}\n`);
  const child = spawn(BINARY, ["import", file, "--to", desk.url], {
    env: { ...process.env, HOTDESK_TOKEN: ADMIN.token },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = [];
  child.stderr.on("data", (chunk) => said.push(chunk));
  const status = await new Promise((done) => child.once("exit", done));
  await rm(folder, { recursive: true, force: true });
  if (status !== 0) throw new Error(`the import ended with ${status}: ${Buffer.concat(said)}`);
  return desk;
}

/**
 * Changes tickets, so many a second, until it is stopped: ten calls a second that change a tenth of them each. Says how
 * many records there were.
 */
export function load(desk, ids, perSecond) {
  const each = Math.max(1, Math.round(perSecond / 10));
  let at = 0;
  let turn = 0;
  let records = 0;
  let running = true;
  const run = (async () => {
    while (running) {
      const next = performance.now() + 100;
      const some = Array.from({ length: each }, (_, n) => ids[(at + n) % ids.length]);
      at += each;
      if (at >= ids.length) {
        at = 0;
        turn += 1;
      }
      const command = { type: "update", priority: PRIORITIES[turn % 4], tags: [`turn-${turn}-${at % 7}`] };
      const { outcomes } = await call(desk, "POST", "/tickets/bulk", { ids: some, command });
      records += outcomes.filter((outcome) => outcome.ok).length;
      await new Promise((done) => setTimeout(done, Math.max(0, next - performance.now())));
    }
  })();
  return {
    records: () => records,
    async stop() {
      running = false;
      await run;
      return records;
    },
  };
}

export function share(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Prints one figure with what it must be, and remembers whether all were as they must. */
export function figure(name, value, unit, must, holds) {
  const shown = typeof value === "number" ? Math.round(value * 100) / 100 : value;
  console.log(
    `${holds ? "ok  " : "MISS"} ${name.padEnd(58)} ${String(shown).padStart(9)} ${unit.padEnd(3)} (${must})`,
  );
  if (!holds) process.exitCode = 1;
}
