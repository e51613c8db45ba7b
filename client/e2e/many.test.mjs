import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launchBrowser, live, newAgent, newTicket, signIn, startDesk } from "./support.mjs";

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

const conversation = (page) => page.getByRole("region", { name: "Conversation" });

test("C41, C42: by keyboard alone: a new ticket, and then it is merged into another one", async () => {
  const other = await newTicket(desk, { subject: "The cellar is flooded" });
  const page = await signIn(browser, desk, ada);
  await page.keyboard.press("Shift+N");
  const dialog = page.getByRole("dialog", { name: "New ticket" });
  await dialog.getByLabel("Subject").waitFor();
  await page.keyboard.type("Water in the cellar");
  await page.keyboard.press("Tab");
  await page.keyboard.type("It reaches the second step.");
  await page.keyboard.press("Tab");
  await page.keyboard.type("Rosa");
  await page.keyboard.press("Tab");
  await page.keyboard.type("rosa@example.com");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Water in the cellar" }).waitFor();
  await conversation(page).getByText("It reaches the second step.").waitFor();

  await page.keyboard.press("m");
  await page.getByRole("combobox", { name: /number, or words/ }).waitFor();
  await page.keyboard.type("flooded");
  await page.getByRole("option", { name: /The cellar is flooded/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: `Merged into #${other.id}`, exact: true }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page
    .getByRole("link", { name: `Merged into #${other.id}`, exact: true })
    .waitFor({ state: "detached" });
  await page.locator("[data-field=status]", { hasText: "New" }).waitFor();
  await page.context().close();
});

test("C43: several tickets are marked by keyboard and solved at once, and that is undone", async () => {
  const cy = await newAgent(desk, "Cy");
  const tickets = [];
  for (const subject of ["First of three", "Second of three", "Third of three"]) {
    const ticket = await newTicket(desk, { subject });
    await call(desk, "PATCH", `/tickets/${ticket.id}`, { assignee: cy.id });
    tickets.push(ticket);
  }
  const page = await signIn(browser, desk, cy);
  const list = page.getByRole("region", { name: "Tickets" });
  await list.getByRole("link", { name: /Third of three/ }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+J");
  await page.keyboard.press("Shift+J");
  await page.getByText("3 selected").waitFor();
  await page.keyboard.press("e");
  await page.getByText("3 tickets changed").first().waitFor();
  for (const { id } of tickets) assert.equal((await call(desk, "GET", `/tickets/${id}`)).status, "solved");
  await page.getByRole("button", { name: "Undo" }).first().click();
  await list.getByRole("link", { name: /First of three/ }).waitFor();
  await list.getByRole("link", { name: /Third of three/ }).waitFor();
  await page.context().close();
});

test("C44: words find closed tickets too, with filters in an address that somebody else can open", async () => {
  const closed = await newTicket(desk, { subject: "Xylophone out of tune", priority: "high" });
  await newTicket(desk, { subject: "Another xylophone", priority: "low" });
  await call(desk, "PATCH", `/tickets/${closed.id}`, { status: "closed" });
  const page = await signIn(browser, desk, ada);
  await page.keyboard.press("/");
  await page.getByRole("searchbox", { name: "Search all tickets" }).waitFor();
  await page.keyboard.type("xylophone");
  const list = page.getByRole("region", { name: "Tickets" });
  await list.getByRole("link", { name: /Xylophone out of tune/ }).waitFor();
  await list.getByRole("link", { name: /Another xylophone/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByRole("menuitem", { name: "Priority" }).click();
  await page.getByRole("menuitemcheckbox", { name: "High" }).click();
  await list.getByRole("link", { name: /Another xylophone/ }).waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  // As long as a menu is there, a letter is looked for in it.
  await page.getByRole("menu").waitFor({ state: "detached" });
  await page.keyboard.press("j");
  await page.getByRole("heading", { name: "Xylophone out of tune" }).waitFor();

  const address = page.url();
  const his = await signIn(browser, desk, await newAgent(desk, "Bo"));
  await his.goto(address);
  await live(his);
  await his.getByRole("heading", { name: "Xylophone out of tune" }).waitFor();
  await his.getByRole("button", { name: "Remove the filter Priority High" }).click();
  await his.getByRole("link", { name: /Another xylophone/ }).waitFor();
  await his.context().close();
  await page.context().close();
});

test("C56: of twenty thousand tickets only the rows in sight are drawn, and the last one is a key away", async () => {
  const page = await signIn(browser, desk, ada);
  await page.route(/\/api\/v1\/snapshot\?topics=board$/, async (route) => {
    const answer = await route.fetch();
    const snapshot = await answer.json();
    const first = { ...snapshot.board[0], status: "open", snoozed_until: null };
    for (let id = 100_001; id <= 120_000; id += 1) {
      snapshot.board.push({ ...first, id, subject: `Row ${id}`, created_at: "2020-01-01T00:00:00.000Z" });
    }
    await route.fulfill({ response: answer, json: snapshot });
  });
  // The made-up board has another hash than the server's, which would be noticed: the line stays shut.
  await page.context().routeWebSocket(/\/api\/v1\/ws$/, () => {});
  await page.goto(`${desk.url}/inbox/open`);
  await page.locator("[data-ticket]").first().waitFor();
  const drawn = await page.locator("[data-ticket]").count();
  assert.ok(drawn > 5 && drawn < 60, `${drawn} rows drawn`);
  const list = page.getByRole("region", { name: "Tickets" });
  await list.locator("ul").evaluate((rows) => {
    rows.parentElement.scrollTop = rows.parentElement.scrollHeight;
  });
  await list.locator("[aria-posinset='20000']").waitFor();
  await page.context().close();
});
