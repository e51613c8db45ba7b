import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, live, newAgent, newTicket, openTicket, signIn, startDesk } from "./support.mjs";

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

test("O35: after a restart with another build the page is loaded anew once nobody looks, with the draft in it", async () => {
  const ticket = await newTicket(desk);
  const page = await signIn(browser, desk, ada, { at: `/tickets/${ticket.id}` });
  await openTicket(page, desk, ticket.id);
  await page.getByRole("textbox", { name: /^Reply to/ }).fill("Half a sentence");
  await page.evaluate(() => {
    window.before = true;
    // Somebody is at the screen all the while.
    setInterval(() => window.dispatchEvent(new Event("pointermove")), 1_000);
  });
  // The server that comes back says that it carries another page.
  await page.route(/\/api\/v1\/desk$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), build: "another" } });
  });
  await desk.halt();
  await page.locator("[data-connection=offline]").first().waitFor({ state: "attached" });
  await desk.restart();
  await live(page);
  await page.getByText("There is a newer version of this page").waitFor();
  assert.equal(await page.evaluate(() => window.before), true, "not under the eyes of whoever works");
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
  });
  await page.waitForFunction(() => window.before === undefined);
  await live(page);
  assert.equal(await page.getByRole("textbox", { name: /^Reply to/ }).inputValue(), "Half a sentence");
  assert.equal(await page.getByText("There is a newer version of this page").count(), 0);
});
