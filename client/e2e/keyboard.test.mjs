// Flows by keyboard alone, and where the focus is after each of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launchBrowser, newAgent, newTicket, signIn, startDesk } from "./support.mjs";

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

test("C43: of several tickets that are taken at once, the one that a colleague has is refused by name and stays marked", async () => {
  const bo = await newAgent(desk, "Bo");
  const tickets = [];
  for (const subject of ["One to take", "Two to take", "Three to take"])
    tickets.push(await newTicket(desk, { subject }));
  const page = await signIn(browser, desk, ada, { at: `/inbox/unassigned`, line: true });
  await page.getByRole("link", { name: /Three to take/ }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Shift+J");
  await page.getByText("3 selected").waitFor();
  // A colleague is faster, and the screen does not know it yet.
  page.line.hold();
  await call(desk, "POST", `/tickets/${tickets[1].id}/claim`, {}, bo.token);
  await page.keyboard.press("t");
  await page.getByText("2 changed, 1 refused").first().waitFor();
  await page.getByText("Bo has it.").first().waitFor();
  page.line.release();
  assert.equal((await call(desk, "GET", `/tickets/${tickets[0].id}`)).assignee, ada.id);
  assert.equal((await call(desk, "GET", `/tickets/${tickets[1].id}`)).assignee, bo.id);
  await page.context().close();
});

test("C57: the palette finds a ticket, a view, a person and a command, and gives the focus back", async () => {
  const { id } = await newTicket(desk, { subject: "The lighthouse is dark" });
  const page = await signIn(browser, desk, ada);
  const find = async (words, option) => {
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder(/Type a command/).waitFor();
    await page.keyboard.type(words);
    await page.getByRole("option", { name: option, selected: true }).first().waitFor();
  };
  await find("lighthouse", /The lighthouse is dark/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "The lighthouse is dark" }).waitFor();
  assert.match(page.url(), new RegExp(`/${id}$`));

  await find("go to snoo", /Go to Snoozed/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Snoozed" }).waitFor();

  await find("tickets of bo", /Open tickets of Bo/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/assignee=/);

  await find("new tick", /New ticket/);
  await page
    .getByRole("option", { name: /New ticket/ })
    .getByText("N", { exact: true })
    .waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "New ticket" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "New ticket" }).waitFor({ state: "detached" });
  await page.context().close();
});

test("C71: who goes to another page by keys is in it", async () => {
  const page = await signIn(browser, desk, ada);
  const focused = (name) =>
    page.getByRole("main").and(page.locator(":focus")).filter({ hasText: name }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await focused("Queue");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await focused("Settings");
  await page.context().close();
});

test("C71: whatever is opened and left by keyboard gives the focus back to the ticket", async () => {
  const { id } = await newTicket(desk, { subject: "Where is the focus?" });
  const page = await signIn(browser, desk, ada, { at: `/inbox/open/${id}` });
  await page.getByRole("heading", { name: "Where is the focus?" }).waitFor();
  await page.keyboard.press("o");
  const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
  const settled = (expected) =>
    page.waitForFunction((wanted) => document.activeElement?.id === wanted, expected, { timeout: 5_000 });
  await settled("ticket");
  for (const [keys, opened] of [
    [["r"], "textbox"],
    [["n"], "textbox"],
    [["p"], "menu"],
    [["a"], "menu"],
    [["s"], "menu"],
    [["m"], "dialog"],
    [["l"], "dialog"],
    [["?"], "dialog"],
    [["Control+k"], "dialog"],
    [["N"], "dialog"],
  ]) {
    for (const key of keys) await page.keyboard.press(key);
    if (opened === "textbox")
      await page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
    else await page.getByRole(opened).first().waitFor();
    await page.keyboard.press("Escape");
    if (opened !== "textbox") await page.getByRole(opened).first().waitFor({ state: "detached" });
    await settled("ticket").catch(async () => {
      const where = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
      assert.fail(`after ${keys.join(" ")} the focus is not on the ticket (${await focused()}): ${where}`);
    });
  }
  await page.keyboard.press("e");
  await page.locator("[data-field=status]", { hasText: "Solved" }).first().waitFor();
  assert.notEqual(
    await page.evaluate(() => document.activeElement?.tagName),
    "BODY",
    "solving takes the focus from nobody",
  );
  await page.context().close();
});
