import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser, startDesk } from "./support.mjs";

let desk;
let browser;

before(async () => {
  desk = await startDesk({ demo: false, admin: false });
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

async function fill(page, { name, email, password }) {
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Choose a password").fill(password);
  await page.getByRole("button", { name: "Create the desk" }).click();
}

test("C33: the first administrator is made with the link of the first start, which works once", async () => {
  const link = await desk.setUp;
  const page = await (await browser.newContext()).newPage();
  await page.goto(link);
  await fill(page, { name: "Robin", email: "robin@example.com", password: "short" });
  // A password that is refused is explained beside its field, and the link still works.
  await page.locator("[aria-invalid=true]").waitFor();
  await fill(page, { name: "Robin", email: "robin@example.com", password: "a long enough password" });
  await page.getByRole("heading", { name: "My open" }).waitFor();
  await page.getByText("This desk has no tickets yet").waitFor();
  await page.getByText("Robin", { exact: true }).waitFor();

  const second = await (await browser.newContext()).newPage();
  await second.goto(link);
  await fill(second, { name: "Eve", email: "eve@example.com", password: "a long enough password" });
  await second.getByRole("alert").getByText("This link has been used").waitFor();
  assert.equal(new URL(second.url()).pathname, "/setup");
});

test("C33: without the link the page says what is missing", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${desk.url}/setup`);
  await page.getByText("needs the link that the server printed").waitFor();
});
