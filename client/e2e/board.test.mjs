import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  call,
  inARow,
  launchBrowser,
  newAgent,
  newTicket,
  signIn,
  startDesk,
  ticketBecomes,
} from "./support.mjs";

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

const column = (page, name) => page.getByRole("region", { name: new RegExp(`^${name}, \\d`) });
const card = (within, subject) => within.getByRole("button", { name: new RegExp(subject) });

test("C48: a card is moved by keys, and what a colleague moves is seen to move", async () => {
  const ticket = await newTicket(desk, { subject: "Moves by key" });
  const page = await signIn(browser, desk, ada);
  await inARow(page, "g", "b");
  await card(column(page, "New"), "Moves by key").waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Shift+ArrowRight");
  await card(column(page, "Open"), "Moves by key").waitFor();
  await ticketBecomes(desk, ticket.id, { status: "open" });
  // The focus has gone along, so the next key moves the same card.
  await card(column(page, "Open"), "Moves by key").and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Shift+ArrowRight");
  await card(column(page, "Pending"), "Moves by key").waitFor();
  await ticketBecomes(desk, ticket.id, { status: "pending" });
  await call(desk, "PATCH", `/tickets/${ticket.id}`, { status: "solved" });
  await card(column(page, "Solved"), "Moves by key").waitFor();
  await page.context().close();
});

test("C48: a card is dragged, and a column that may not take it says so before the drop", async () => {
  const ticket = await newTicket(desk, { subject: "Moves by hand" });
  await call(desk, "PATCH", `/tickets/${ticket.id}`, { status: "open" });
  const page = await signIn(browser, desk, ada, { at: "/board" });
  const from = card(column(page, "Open"), "Moves by hand");
  await from.waitFor();
  const grip = await from.boundingBox();
  await page.mouse.move(grip.x + 20, grip.y + 20);
  await page.mouse.down();
  await page.mouse.move(grip.x + 60, grip.y + 60, { steps: 4 });
  await column(page, "New").getByText("It cannot go there from where it is.").waitFor();
  const target = await column(page, "Pending").boundingBox();
  await page.mouse.move(target.x + 60, target.y + 200, { steps: 6 });
  await page.mouse.up();
  await card(column(page, "Pending"), "Moves by hand").waitFor();
  await ticketBecomes(desk, ticket.id, { status: "pending" });
  await page.context().close();
});

test("C48: a card that goes by key to where it is not in sight is followed there", async () => {
  for (let count = 0; count < 30; count += 1) {
    const { id } = await newTicket(desk, { subject: `Before it ${count}`, priority: "urgent" });
    await call(desk, "PATCH", `/tickets/${id}`, { status: "open" });
  }
  await newTicket(desk, { subject: "Goes to the end", priority: "low" });
  const page = await signIn(browser, desk, ada, { at: "/board" });
  await card(column(page, "New"), "Goes to the end").focus();
  await page.keyboard.press("Shift+ArrowRight");
  await card(column(page, "Open"), "Goes to the end").and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Shift+ArrowRight");
  await card(column(page, "Pending"), "Goes to the end").and(page.locator(":focus")).waitFor();
  await page.context().close();
});

test("C48: of thousands of cards only those in sight are drawn", async () => {
  const page = await signIn(browser, desk, ada);
  // The board is made of what the snapshot says, so one large answer is as good as an import.
  await page.route(/\/api\/v1\/snapshot\?topics=board$/, async (route) => {
    const answer = await route.fetch();
    const snapshot = await answer.json();
    const [first] = snapshot.board;
    for (let id = 100_001; id <= 105_000; id += 1)
      snapshot.board.push({ ...first, id, subject: `Card ${id}` });
    await route.fulfill({ response: answer, json: snapshot });
  });
  // Its hash is not the server's, which the client would notice: the line stays shut.
  await page.context().routeWebSocket(/\/api\/v1\/ws$/, () => {});
  await page.goto(`${desk.url}/board`);
  await page.getByText("5,00", { exact: false }).first().waitFor();
  await page.locator("[data-card]").first().waitFor();
  const drawn = await page.locator("[data-card]").count();
  assert.ok(drawn > 5 && drawn < 150, `${drawn} cards drawn`);
  await page.context().close();
});
