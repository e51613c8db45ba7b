// The main job on real input: 2,468 bug reports become tickets through the API, two people work on them in two browsers, and
// a third client comes back after the server was killed and holds exactly the same board.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ADMIN, BINARY, call, launchBrowser, newAgent, openTicket, signIn, startDesk } from "./support.mjs";

const REPORTS = fileURLToPath(new URL("../../tests/data/bugs_hadoop_index.csv.gz", import.meta.url));
const ROWS = 2468;
const CHANGES = 30;

let desk;
let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "hotdesk-import-"));
  // Nobody else writes: what the machine thinks of each ticket would come between the snapshot and the hello.
  desk = await startDesk({ demo: false, settings: { HOTDESK__TRIAGE__ENABLED: "false" } });
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await desk?.stop();
  await rm(folder, { recursive: true, force: true });
});

function importReports() {
  const child = spawn(
    BINARY,
    ["import", REPORTS, "--to", desk.url, "--preset", "bugs", "--rejected", join(folder, "rejected.csv")],
    { env: { ...process.env, HOTDESK_TOKEN: ADMIN.token }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const said = [];
  child.stdout.on("data", (chunk) => said.push(chunk));
  child.stderr.on("data", (chunk) => said.push(chunk));
  return new Promise((done) => {
    child.once("exit", (status) => done({ status, said: Buffer.concat(said).toString() }));
  });
}

/** A client of the contract alone, inside a page of the desk so that the cookie and the origin are a browser's. */
function thirdClient() {
  const hash = (board) => {
    let all = 0n;
    for (const [id, version] of board) {
      let one = 0xcbf29ce484222325n;
      for (const char of `${id}:${version}`) {
        one = BigInt.asUintN(64, (one ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n);
      }
      all ^= one;
    }
    return all.toString(16).padStart(16, "0");
  };
  const state = {
    board: new Map(),
    closed: new Set(),
    seqs: [],
    upto: null,
    epoch: null,
    after: null,
    resumes: [],
    lost: false,
  };
  const take = (message) => {
    if (message.t === "welcome") {
      state.resumes.push(message.resume);
      state.epoch = message.epoch;
    } else if (message.t === "rec") {
      state.seqs.push(message.seq);
      state.after = message.seq;
      if (message.patch.status === "closed") state.closed.add(message.ticket);
      if (state.closed.has(message.ticket)) state.board.delete(message.ticket);
      else state.board.set(message.ticket, message.version);
    } else if (message.t === "upto") {
      state.upto = message;
      state.after = message.seq;
    }
  };
  state.connect = () =>
    new Promise((done, fail) => {
      const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/ws`, "hotdesk.v1");
      const place = { epoch: state.epoch, after: state.after };
      socket.onopen = () => {
        socket.send(JSON.stringify({ t: "hello", v: 1, client: "third", topics: ["board"], ...place }));
      };
      socket.onmessage = (event) => {
        for (const line of event.data.split("\n")) take(JSON.parse(line));
        if (state.upto) done();
      };
      socket.onerror = () => fail(new Error("the socket failed"));
      socket.onclose = () => {
        state.lost = true;
      };
    });
  state.begin = async () => {
    const snapshot = await (await fetch("/api/v1/snapshot?topics=board")).json();
    for (const ticket of snapshot.board) state.board.set(ticket.id, ticket.version);
    state.epoch = snapshot.epoch;
    state.after = snapshot.seq;
    await state.connect();
  };
  state.report = () => ({
    hash: hash(state.board),
    size: state.board.size,
    seqs: state.seqs,
    resumes: state.resumes,
  });
  globalThis.third = state;
}

/** The moment at which the ticket on the screen shows this priority. */
function shows(page, priority) {
  return page.evaluate(
    (text) =>
      new Promise((done) => {
        const field = document.querySelector("[data-field=priority]");
        const look = () => {
          if (!field.textContent.includes(text)) return;
          watch.disconnect();
          done(Date.now());
        };
        const watch = new MutationObserver(look);
        watch.observe(document.body, { subtree: true, childList: true, characterData: true });
        look();
      }),
    priority,
  );
}

test("C40: real tickets, two browsers at once, and a third client that comes back after kill -9", async (t) => {
  const imported = await importReports();
  assert.equal(imported.status, 0, imported.said);
  const first = await call(desk, "GET", "/snapshot?topics=board");
  assert.equal(first.board.length, ROWS, imported.said);

  const ada = await newAgent(desk, "Ada");
  const bo = await newAgent(desk, "Bo");
  const [hers, his, its] = await Promise.all([
    signIn(browser, desk, ada),
    signIn(browser, desk, bo),
    signIn(browser, desk, bo),
  ]);
  await its.evaluate(thirdClient);
  await its.evaluate(() => globalThis.third.begin());

  const id = first.board[7].id;
  await call(desk, "PATCH", `/tickets/${id}`, { priority: "normal" });
  await openTicket(hers, desk, id);
  await openTicket(his, desk, id);
  const times = [];
  const wanted = ["Urgent", "Low", "High", "Normal"];
  for (let change = 0; change < CHANGES; change += 1) {
    // They take turns: a change in one must be on the screen of the other.
    const [here, there] = change % 2 === 0 ? [hers, his] : [his, hers];
    const priority = wanted[change % wanted.length];
    await here.getByRole("button", { name: "Priority" }).click();
    const item = here.getByRole("menuitemradio", { name: priority });
    await item.waitFor();
    const seen = shows(there, priority);
    const clicked = item.evaluate((element) => {
      const at = Date.now();
      element.click();
      return at;
    });
    times.push((await seen) - (await clicked));
  }
  times.sort((a, b) => a - b);
  const p = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
  t.diagnostic(`click to the other browser's screen: p50 ${p(0.5)} ms, p95 ${p(0.95)} ms, max ${p(1)} ms`);
  // A generous bound, since the machine may be busy; the figure above is the one to read.
  assert.ok(p(0.5) < 500, `half of the changes took longer than ${p(0.5)} ms`);

  // Everything confirmed before the kill must be there after it.
  const confirmed = await call(desk, "PATCH", `/tickets/${first.board[9].id}`, { tags: ["confirmed"] });
  await desk.kill();
  await its.waitForFunction(() => globalThis.third.lost);
  await desk.restart();
  assert.deepEqual(await call(desk, "GET", `/tickets/${confirmed.id}`), confirmed);

  // A change while the third client is away, one after it is back, and both browsers back by themselves.
  await call(desk, "PATCH", `/tickets/${first.board[11].id}`, { status: "open" });
  await its.evaluate(() => {
    globalThis.third.upto = null;
    return globalThis.third.connect();
  });
  await hers.locator("[data-connection=live]").waitFor({ state: "attached" });
  await his.locator("[data-connection=live]").waitFor({ state: "attached" });
  await call(desk, "PATCH", `/tickets/${first.board[13].id}`, { status: "open" });
  const now = await call(desk, "GET", "/snapshot?topics=board");
  await its.waitForFunction((seq) => globalThis.third.after >= seq, now.seq);
  const third = await its.evaluate(() => globalThis.third.report());
  assert.deepEqual(third.resumes, ["live", "replay"]);
  assert.equal(third.hash, now.board_hash, "the same board after kill -9 and a resume");
  assert.equal(third.size, ROWS);
  assert.deepEqual(
    third.seqs,
    third.seqs.map((_, index) => third.seqs[0] + index),
    "neither a gap nor a repeat",
  );
});
