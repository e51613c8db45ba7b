import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADMIN, call, inARow, launchBrowser, newTicket, signIn, startDesk } from "./support.mjs";

let desk;
let browser;

before(async () => {
  desk = await startDesk();
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

/** Moves the focus on until it is on what is looked for. */
async function tabTo(page, matches) {
  for (let step = 0; step < 120; step += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const on = document.activeElement;
      const label = on?.labels?.[0]?.textContent ?? "";
      return `${on?.tagName} ${on?.getAttribute("aria-label") ?? label} ${on?.textContent ?? ""}`;
    });
    if (matches.test(here)) return;
  }
  assert.fail(`the keyboard does not lead to ${matches}`);
}

/** In the list that has the focus, by the arrows: letters that come slowly begin a search anew. */
async function choose(page, wanted) {
  await page.keyboard.press("Home");
  for (let step = 0; step < 60; step += 1) {
    const chosen = await page.evaluate(() => document.activeElement?.selectedOptions?.[0]?.textContent);
    if (chosen === wanted) return;
    await page.keyboard.press("ArrowDown");
  }
  assert.fail(`the arrows do not lead to ${wanted}`);
}

test("C86: analytics by the keyboard alone: live, as a table, and what a figure means", async () => {
  const page = await signIn(browser, desk, ADMIN);
  await inARow(page, "g", "a");
  await page.getByRole("heading", { name: "Analytics" }).waitFor();
  const waiting = async () =>
    Number((await page.locator("dl dd").first().textContent()).replaceAll(/[^0-9]/g, ""));
  await page.getByText("Waiting now").waitFor();
  await page.waitForFunction(() => /[0-9]/.test(document.querySelector("dl dd")?.textContent ?? ""));
  // The demo goes on by itself, so a change is awaited, not a number.
  const before = await waiting();
  for (let count = 0; count < 40; count += 1) await newTicket(desk, { subject: `Burst ${count}` });
  await page.waitForFunction(
    (was) => Number(document.querySelector("dl dd")?.textContent?.replaceAll(/[^0-9]/g, "")) >= was + 20,
    before,
  );

  await tabTo(page, /What “Opened” means/);
  await page.keyboard.press("Enter");
  await page.getByText("Tickets opened").waitFor();
  await page.keyboard.press("Escape");
  await tabTo(page, /^BUTTON Show as table/);
  await page.keyboard.press("Enter");
  await page.getByRole("table", { name: "In and out, as a table" }).waitFor();

  for (const [tab, region] of [
    ["Trends", "Unusual now"],
    ["Teams", "Teams"],
    ["Agents", "People"],
    ["Service levels", "By target"],
    ["AI", "Proposals over time"],
  ]) {
    await page.locator("main").focus();
    await tabTo(page, new RegExp(`^A  ${tab}$`));
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: region }).waitFor();
  }
  await page.context().close();
});

test("C86: a report by the keyboard alone: built, run, looked into, saved, found again", async () => {
  const page = await signIn(browser, desk, ADMIN);
  await inARow(page, "g", "r");
  await page.getByRole("heading", { name: "Reports" }).waitFor();
  await page.locator("main").focus();
  await tabTo(page, /^SELECT Figure/);
  await choose(page, "Solved");
  await tabTo(page, /^SELECT Split by/);
  await choose(page, "Category");
  await tabTo(page, /^BUTTON {2}Run$/);
  await page.keyboard.press("Enter");
  const table = page.getByRole("table", { name: "Solved, as a table" });
  await table.waitFor();
  assert.ok((await table.getByRole("row").count()) > 3);
  await tabTo(page, /Tickets: /);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "The tickets behind this" });
  await dialog.getByRole("link").first().waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });

  await page.locator("main").focus();
  await tabTo(page, /^BUTTON {2}Save as$/);
  await page.keyboard.press("Enter");
  const save = page.getByRole("dialog", { name: "Save this report" });
  await save.waitFor();
  await tabTo(page, /^INPUT Name/);
  await page.keyboard.type("Solved by category");
  await page.keyboard.press("Enter");
  await save.waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Solved by category" }).waitFor();
  await table.waitFor();
  const reports = await call(desk, "GET", "/reports");
  const { measure, split, last } = reports.data[0].definition;
  assert.deepEqual([measure, split, last], ["solved", ["category"], "30d"]);
  await page.context().close();
});
