import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  ADMIN,
  assertEventually,
  call,
  inARow,
  launchBrowser,
  newAgent,
  newTicket,
  signIn,
  startDesk,
} from "./support.mjs";

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

test("C55: an administrator adds a user, and makes and revokes a token", async () => {
  const page = await signIn(browser, desk, ADMIN);
  await inARow(page, "g", "s");
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByRole("button", { name: "Add a user" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a user" });
  await dialog.getByLabel("Name").fill("Dana");
  await dialog.getByLabel("Email").fill("dana@example.com");
  await dialog.getByLabel("Role").selectOption("supervisor");
  await dialog.getByLabel("Password").fill("short");
  await dialog.getByRole("button", { name: "Save" }).click();
  // What is refused is said beside its field, and nothing is lost.
  await dialog.locator("[aria-invalid=true]").waitFor();
  await dialog.getByLabel("Password").fill("a long enough password");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("list", { name: "Users" }).getByText("dana@example.com").waitFor();
  const users = await call(desk, "GET", "/users");
  assert.equal(users.data.find((user) => user.email === "dana@example.com").role, "supervisor");

  await page.getByRole("link", { name: "Access tokens" }).click();
  await page.getByLabel("What the token is for").fill("Reports");
  await page.getByRole("button", { name: "Make a token" }).click();
  const secret = await page.getByRole("status").locator("code").textContent();
  assert.ok(await call(desk, "GET", "/me", undefined, secret));
  await page.getByRole("button", { name: "Revoke Reports" }).click();
  await page.getByRole("button", { name: "Revoke at once" }).click();
  await page.getByRole("button", { name: "Revoke Reports" }).waitFor({ state: "detached" });
  await assertEventually(async () => {
    const { status } = await fetch(`${desk.url}/api/v1/me`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    return status === 401;
  });
  await page.context().close();
});

test("C54: whoever reads French gets the desk in French, and may choose otherwise", async () => {
  const ada = await newAgent(desk, "Ada");
  const ticket = await newTicket(desk);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "fr-FR" });
  const page = await context.newPage();
  await page.goto(`${desk.url}/sign-in?to=/inbox/open/${ticket.id}`);
  await page.getByLabel("Adresse e-mail").fill(ada.email);
  await page.getByLabel("Mot de passe").fill(ada.password);
  await page.getByRole("button", { name: "Se connecter" }).click();
  await page.getByRole("heading", { name: "Tous les ouverts" }).waitFor();
  await page.getByRole("textbox", { name: "Répondre à Rosa Requester" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "fr");
  await page.goto(`${desk.url}/settings/appearance`);
  await page.getByRole("radio", { name: "English" }).click();
  await page.getByRole("heading", { name: "Appearance" }).waitFor();
  await page.getByRole("radio", { name: "Dark" }).check();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  await context.close();
});

test("C60: what a colleague shares is in another browser at once, and goes as it came", async () => {
  const cy = await newAgent(desk, "Cy");
  const ticket = await newTicket(desk);
  const page = await signIn(browser, desk, cy, { at: `/inbox/open/${ticket.id}` });
  await page.getByRole("textbox", { name: /^Reply to/ }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Type a command").fill("patience");
  await page.getByRole("option", { name: /Search all tickets/, selected: true }).waitFor();
  await call(desk, "PUT", "/shared/patience", { kind: "macro", name: "Patience", team: null, body: "Soon." });
  await page.getByRole("option", { name: "Macro: Patience" }).waitFor();
  await call(desk, "DELETE", "/shared/patience");
  await page.getByRole("option", { name: "Macro: Patience" }).waitFor({ state: "detached" });
  await page.context().close();
});

test("C46: a macro that was just written comes into a reply, filled in", async () => {
  const bo = await newAgent(desk, "Bo");
  const ticket = await newTicket(desk);
  const page = await signIn(browser, desk, bo, { at: `/settings/macros` });
  await page.getByRole("button", { name: "Add a macro" }).click();
  const dialog = page.getByRole("dialog", { name: "Macro" });
  await dialog.getByLabel("Name").fill("Greeting");
  await dialog.getByLabel("Text").fill("Dear ");
  await dialog.getByRole("button", { name: "{{requester.first_name}}" }).click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.goto(`${desk.url}/inbox/open/${ticket.id}`);
  const reply = page.getByRole("textbox", { name: /^Reply to/ });
  await reply.waitFor();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Type a command").fill("greeting");
  await page.getByRole("option", { name: "Macro: Greeting", selected: true }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("textarea")?.value === "Dear Rosa");
  await page.keyboard.type(", it is **done**.");
  await page.keyboard.press("Control+Enter");
  const conversation = page.getByRole("region", { name: "Conversation" });
  await conversation.locator("strong", { hasText: "done" }).waitFor();
  await page.context().close();
});
