// The wallboard through many records: the heap after them against the heap before. `node scripts/measure-heap.mjs [records]`
import { call, launchBrowser, newAgent, signIn } from "../e2e/support.mjs";
import { deskWith, figure, load } from "./measure-support.mjs";

const [wanted = 50_000] = process.argv.slice(2).map(Number);
const TICKETS = 500;

const desk = await deskWith(TICKETS);
const browser = await launchBrowser();
try {
  const ada = await newAgent(desk, "Ada");
  const page = await signIn(browser, desk, ada);
  await page.goto(`${desk.url}/wallboard`);
  await page.getByText("Waiting", { exact: true }).waitFor();
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    for (let turn = 0; turn < 3; turn += 1) await devtools.send("HeapProfiler.collectGarbage");
    return (await devtools.send("Runtime.getHeapUsage")).usedSize / 1_048_576;
  };
  const ids = (await call(desk, "GET", "/snapshot?topics=board")).board.map((ticket) => ticket.id);
  const pour = async (records) => {
    const pouring = load(desk, ids, 5_000);
    while (pouring.records() < records) await new Promise((done) => setTimeout(done, 50));
    await pouring.stop();
    const { seq } = await call(desk, "GET", "/snapshot?topics=board");
    await page.waitForFunction(() => document.querySelector("[data-figure=event-to-screen]") !== null);
    return seq;
  };
  // An hour's worth first, so that what is kept on purpose is there.
  await pour(wanted / 10);
  const before = await heap();
  await pour(wanted);
  const after = await heap();
  console.log(`wallboard, ${wanted} records: ${before.toFixed(1)} MiB before, ${after.toFixed(1)} MiB after`);
  figure("wallboard: growth of the heap", after - before, "MiB", "< 2 MiB", after - before < 2);
} finally {
  await browser.close();
  await desk.stop();
}
