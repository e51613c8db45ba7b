// What a screen that is never closed keeps in memory. How much more it takes with many more records is scripts/measure-heap.mjs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deskWith, load } from "../scripts/measure-support.mjs";
import { call, launchBrowser, newAgent, newTicket, signIn } from "./support.mjs";

const TICKETS = 200;
const RECORDS = 8_000;
/** A record that was kept would take half a kilobyte at least. */
const MAY_GROW_MIB = 1.5;

let desk;
let browser;

before(async () => {
  desk = await deskWith(TICKETS);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

test("C50: after thousands of records the wallboard takes no more memory than before", async (t) => {
  const page = await signIn(browser, desk, await newAgent(desk, "Ada"), { at: "/wallboard" });
  const waiting = page.getByRole("definition").first();
  await waiting.getByText(String(TICKETS), { exact: true }).waitFor();
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    for (let turn = 0; turn < 3; turn += 1) await devtools.send("HeapProfiler.collectGarbage");
    return (await devtools.send("Runtime.getHeapUsage")).usedSize / 1_048_576;
  };
  const ids = (await call(desk, "GET", "/snapshot?topics=board")).board.map((ticket) => ticket.id);
  let tickets = TICKETS;
  const pour = async (records) => {
    const pouring = load(desk, ids, 10 * TICKETS);
    while (pouring.records() < records) await new Promise((done) => setTimeout(done, 20));
    const poured = await pouring.stop();
    // Records come in order: once the last one is on the screen, all have been there.
    await newTicket(desk);
    tickets += 1;
    await waiting.getByText(String(tickets), { exact: true }).waitFor();
    return poured;
  };
  // So that what is kept on purpose is there: the last samples, and compiled code.
  await pour(RECORDS / 4);
  const small = await heap();
  const poured = await pour(RECORDS);
  const grown = (await heap()) - small;
  t.diagnostic(`${poured} records: ${grown.toFixed(2)} MiB on top of ${small.toFixed(1)} MiB`);
  assert.ok(grown < MAY_GROW_MIB, `${grown} MiB`);
  await page.context().close();
});
