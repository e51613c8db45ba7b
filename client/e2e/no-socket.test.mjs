import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launchBrowser, newAgent, newTicket, startDesk } from "./support.mjs";

let desk;
let browser;

before(async () => {
  desk = await startDesk({ demo: false });
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

test("C45: where no socket gets through, the desk is live over calls that wait", async () => {
  const ada = await newAgent(desk, "Ada");
  const ticket = await newTicket(desk);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
  let tries = 0;
  await context.routeWebSocket(/\/api\/v1\/ws$/, (page) => {
    tries += 1;
    void page.close({ code: 1011 });
  });
  const page = await context.newPage();
  await page.goto(`${desk.url}/sign-in?to=/inbox/open/${ticket.id}`);
  await page.getByLabel("Email").fill(ada.email);
  await page.getByLabel("Password").fill(ada.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("[data-connection=live][data-mode=polling]").first().waitFor({ state: "attached" });
  assert.equal(tries, 3);

  await call(desk, "PATCH", `/tickets/${ticket.id}`, { priority: "urgent" });
  await page.locator("[data-field=priority]", { hasText: "Urgent" }).waitFor();
  await page.keyboard.press("t");
  await page.locator("[data-field=assignee]", { hasText: "Ada" }).waitFor();
  await page.keyboard.press("r");
  await page.keyboard.type("Without a socket");
  await page.keyboard.press("Control+Shift+Enter");
  const conversation = page.getByRole("region", { name: "Conversation" });
  await conversation.getByText("Without a socket").waitFor();
  await conversation.getByText("Sending…").waitFor({ state: "detached" });
  const now = await call(desk, "GET", `/tickets/${ticket.id}?include=messages`);
  assert.deepEqual([now.status, now.assignee, now.messages.length], ["solved", ada.id, 2]);
  await context.close();
});
