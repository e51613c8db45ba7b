// Customers without an account: they write through the form and follow by the private link, in a browser of their own.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import {
  ADMIN,
  call,
  launchBrowser,
  newAgent,
  newTicket,
  openTicket,
  picture,
  signIn,
  startDesk,
} from "./support.mjs";

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

/** What a page saves when this is pressed. */
async function saved(page, element) {
  const [download] = await Promise.all([page.waitForEvent("download"), element.click()]);
  return [download.suggestedFilename(), await text(await download.createReadStream())];
}

async function customer() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    throw error;
  });
  return page;
}

test("C63, C64, C68: a customer writes with files, is answered, answers and solves; the agent sees it come", async () => {
  const ada = await newAgent(desk, "Ada");
  const agent = await signIn(browser, desk, ada);
  const admin = await signIn(browser, desk, ADMIN);
  await admin.goto(`${desk.url}/settings/fields`);
  await admin.getByRole("button", { name: "Add a field" }).click();
  await admin.getByLabel("Name", { exact: true }).fill("Plan");
  await admin.getByLabel("Kind").selectOption("choice");
  await admin.getByLabel("Choices").fill("small\nlarge");
  await admin.getByLabel("The form is not sent without it").check();
  await admin.getByRole("button", { name: "Save" }).click();
  await admin.getByText("Saved", { exact: true }).waitFor();
  await admin.getByRole("link", { name: "Request form" }).click();
  await admin.getByLabel("Customers may write through the request form").check();
  await admin.getByRole("textbox", { name: "Title" }).fill("Ask us");
  await admin.getByRole("button", { name: "Save" }).click();
  await admin.getByText("Saved", { exact: true }).last().waitFor();

  const rosa = await customer();
  await rosa.goto(`${desk.url}/request/new`);
  await rosa.getByRole("heading", { name: "Ask us" }).waitFor();
  await rosa.getByRole("button", { name: "Send" }).click();
  assert.equal(
    await rosa.evaluate(() => document.activeElement?.getAttribute("name")),
    "name",
    "the first gap has the focus",
  );
  await rosa.getByLabel("Your name").fill("Rosa <b>Requester</b>");
  await rosa.getByLabel("Your email").fill("rosa@example.com");
  await rosa.getByLabel("Subject").fill("<img src=x onerror=alert(1)> The kettle leaks");
  await rosa.getByLabel("How can we help?").fill("Since this morning.\n<script>alert(1)</script>");
  await rosa.getByLabel("Plan").selectOption("large");
  await rosa.locator("input[type=file]").setInputFiles([
    { name: "kettle.png", mimeType: "image/png", buffer: await picture(rosa) },
    { name: "serial.txt", mimeType: "text/plain", buffer: Buffer.from("no. 4711") },
  ]);
  for (const name of ["kettle.png", "serial.txt"])
    await rosa.getByRole("button", { name: `Take ${name} off` }).waitFor();
  await rosa.getByRole("button", { name: "Send" }).click();
  await rosa.getByRole("link", { name: "Open my request" }).click();
  await rosa.getByText("We are working on it").waitFor();
  await rosa.getByText("<script>alert(1)</script>").waitFor();
  await rosa.waitForFunction(() =>
    [...document.querySelectorAll("[aria-label='Attached files'] img")].some(
      (image) => image.naturalWidth > 100,
    ),
  );
  const own = rosa.getByRole("button", { name: "Download serial.txt" });
  assert.deepEqual(await saved(rosa, own), ["serial.txt", "no. 4711"]);
  const link = rosa.url();
  assert.match(link, /\/request#hdr_[0-9a-f]{64}$/);

  const found = await call(desk, "GET", "/tickets?q=kettle");
  const ticket = found.data[0];
  assert.deepEqual([ticket.channel, ticket.custom], ["web", { plan: "large" }]);
  await call(desk, "POST", `/tickets/${ticket.id}/messages`, {
    body: "Among us: a SECRET",
    visibility: "internal",
  });
  await openTicket(agent, desk, ticket.id);
  const thread = agent.getByRole("region", { name: "Conversation" });
  assert.deepEqual(await saved(agent, thread.getByRole("link", { name: "Download serial.txt" })), [
    "serial.txt",
    "no. 4711",
  ]);
  await agent.keyboard.press("r");
  await agent.keyboard.type("Which kettle?");
  await agent
    .locator("input[type=file]")
    .setInputFiles({ name: "list.txt", mimeType: "text/plain", buffer: Buffer.from("red, blue") });
  await agent.getByRole("button", { name: "Take list.txt off" }).waitFor();
  await agent.keyboard.press("Control+Enter");

  await rosa.reload();
  await rosa.getByText("Which kettle?").waitFor();
  const list = rosa.getByRole("button", { name: "Download list.txt" });
  assert.deepEqual(await saved(rosa, list), ["list.txt", "red, blue"]);
  assert.ok(!(await rosa.content()).includes("SECRET"), "notes stay at the desk");
  await rosa.getByLabel("Your answer").fill("The red one.");
  await rosa.getByRole("button", { name: "Send the answer" }).click();
  await agent.getByRole("region", { name: "Conversation" }).getByText("The red one.").waitFor();
  await rosa.getByRole("button", { name: "It is solved" }).click();
  await rosa.getByText("Solved", { exact: true }).waitFor();
  await agent.locator("[data-field=status]").getByText("Solved").first().waitFor();

  await agent.getByRole("button", { name: "Revoke" }).click();
  await agent.getByText("The links work no more").waitFor();
  await rosa.goto("about:blank");
  await rosa.goto(link);
  await rosa.getByText("This link does not work").waitFor();
});

test("C61: a colleague who is mentioned hears of it at once and has it in a view until writing there", async () => {
  const bo = await newAgent(desk, "Bo Okafor");
  const cy = await newAgent(desk, "Cy Young");
  const his = await signIn(browser, desk, bo);
  const hers = await signIn(browser, desk, cy);
  const { id } = await newTicket(desk, { subject: "Who knows the boiler?" });
  await openTicket(hers, desk, id);
  await hers.keyboard.press("n");
  await hers.keyboard.type("Please have a look, @okaf");
  await hers.getByRole("option", { name: "Bo Okafor" }).waitFor();
  await hers.keyboard.press("Enter");
  await hers.keyboard.press("Control+Enter");

  await his.getByText(`Cy Young mentions you in #${id}`).waitFor();
  await his.getByRole("link", { name: /^Mentions/ }).click();
  await his.locator(`[data-ticket="${id}"]`).click();
  await his.getByRole("region", { name: "Conversation" }).getByText("Please have a look").waitFor();
  await his.keyboard.press("n");
  await his.keyboard.type("It is the valve.");
  await his.keyboard.press("Control+Enter");
  await his.locator(`a[data-ticket="${id}"]`).waitFor({ state: "detached" });
});

test("C60: what one browser chose, another one has", async () => {
  const dee = await newAgent(desk, "Dee");
  const one = await signIn(browser, desk, dee);
  const two = await signIn(browser, desk, dee);
  await one.goto(`${desk.url}/settings/appearance`);
  const kept = one.waitForResponse(
    (response) => response.url().endsWith("/me/preferences") && response.request().method() === "PUT",
  );
  await one.getByLabel("Dark").check();
  await kept;
  await two.reload();
  await two.locator("html[data-theme=dark]").waitFor({ state: "attached" });
});
