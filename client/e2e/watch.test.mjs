import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, inARow, launchBrowser, live, newAgent, newTicket, signIn, startDesk } from "./support.mjs";

let desk;
let browser;
let ada;

before(async () => {
  desk = await startDesk({ demo: false });
  browser = await launchBrowser();
  ada = await newAgent(desk, "Ada");
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

test("C50: the wallboard counts what happens, says how long it took, and comes back after the server left", async (t) => {
  const page = await signIn(browser, desk, ada);
  await inARow(page, "g", "w");
  const waiting = page.getByRole("definition").first();
  await waiting.getByText("0", { exact: true }).waitFor();
  const ticket = await newTicket(desk);
  await newTicket(desk);
  await waiting.getByText("2", { exact: true }).waitFor();
  await call(desk, "PATCH", `/tickets/${ticket.id}`, { status: "solved" });
  await waiting.getByText("1", { exact: true }).waitFor();
  const figure = page.locator("[data-figure=event-to-screen]");
  await figure.waitFor();
  t.diagnostic(`event to screen: ${await figure.textContent()}`);
  await page.getByText("Went out", { exact: true }).locator("..").getByText("1", { exact: true }).waitFor();

  await desk.halt();
  await page.locator("[data-connection=offline]").first().waitFor({ state: "attached" });
  await desk.restart();
  // As when a laptop finds its network again: the timer of the next try is not waited for.
  await page.evaluate(() => window.dispatchEvent(new Event("online")));
  await live(page);
  await newTicket(desk);
  await waiting.getByText("2", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "My open" }).waitFor();
  await page.context().close();
});

test("C51: the board is seen as it stood, played on, and a moment is a link", async () => {
  const before = Date.now();
  const ticket = await newTicket(desk, { subject: "It was new once" });
  const created = Date.parse((await call(desk, "GET", `/tickets/${ticket.id}`)).created_at);
  const solved = await call(desk, "PATCH", `/tickets/${ticket.id}`, { status: "solved" });
  const gone = Date.parse(solved.updated_at);
  assert.ok(gone >= created && created >= before - 1_000);
  const page = await signIn(browser, desk, ada, { at: `/time?at=${new Date(created).toISOString()}` });
  const column = (name) => page.getByRole("region", { name: new RegExp(`^${name}, \\d`) });
  await column("New").getByText("It was new once").waitFor();
  // What the desk does by itself may come in between: a key for each moment, also before the records are here.
  const { records } = await call(desk, "GET", "/events?topics=board&after=0&limit=1000");
  const moments = new Set(records.map(({ at }) => Date.parse(at)).filter((at) => at > created && at <= gone));
  await inARow(page, ...[...moments].map(() => "."));
  await column("Solved").getByText("It was new once").waitFor();
  await page
    .getByRole("region", { name: "What happened" })
    .getByText(/set status to Solved/)
    .waitFor();
  assert.equal(Date.parse(new URL(page.url()).searchParams.get("at")), gone);

  await page.goto(`${desk.url}/time?at=${new Date(created - 5_000).toISOString()}`);
  await column("New").waitFor();
  await page.getByRole("radio", { name: "300×" }).click();
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await column("Solved").getByText("It was new once").waitFor();
  await page.context().close();
});
