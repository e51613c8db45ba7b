import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { launchBrowser, newAgent, newTicket, openTicket, picture, signIn, startDesk } from "./support.mjs";

let desk;
let browser;
let ada;
let bo;

before(async () => {
  desk = await startDesk({ demo: false });
  browser = await launchBrowser();
  ada = await newAgent(desk, "Ada");
  bo = await newAgent(desk, "Bo");
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

const conversation = (page) => page.getByRole("region", { name: "Conversation" });

test("U1, U5, X89: files go with a reply, and a colleague sees, opens and saves them; what might run is only saved", async () => {
  const ticket = await newTicket(desk);
  const adas = await signIn(browser, desk, ada, { at: `/tickets/${ticket.id}` });
  await openTicket(adas, desk, ticket.id);
  const bos = await signIn(browser, desk, bo, { at: `/tickets/${ticket.id}` });
  await openTicket(bos, desk, ticket.id);

  const notes = Buffer.from("line one\n".repeat(50_000));
  const svg = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='parent.hacked=1'/>");
  await adas.locator("input[type=file]").setInputFiles([
    { name: "notes.txt", mimeType: "text/plain", buffer: notes },
    { name: "teal.png", mimeType: "image/png", buffer: await picture(adas) },
    { name: "logo.svg", mimeType: "image/svg+xml", buffer: svg },
  ]);
  for (const name of ["notes.txt", "teal.png", "logo.svg"])
    await adas.getByRole("button", { name: `Take ${name} off` }).waitFor();
  const reply = adas.getByRole("textbox", { name: /^Reply to/ });
  await reply.fill("See the files");
  await reply.press("Control+Enter");

  const thread = conversation(bos);
  const [saved] = await Promise.all([
    bos.waitForEvent("download"),
    thread.getByRole("link", { name: "Download notes.txt" }).click(),
  ]);
  assert.equal(saved.suggestedFilename(), "notes.txt");
  assert.deepEqual(await buffer(await saved.createReadStream()), notes);
  const small = thread.getByRole("button", { name: "Look at teal.png" });
  await small.waitFor();
  await bos.waitForFunction(() =>
    [...document.querySelectorAll("[aria-label='Attached files'] img")].every(
      (image) => image.naturalWidth > 100,
    ),
  );
  await small.click();
  const dialog = bos.getByRole("dialog", { name: "teal.png" });
  await bos.waitForFunction(() => document.querySelector("[role=dialog] img")?.naturalWidth === 900);
  await dialog.getByRole("button", { name: "Close" }).click();

  // Opened as a page of its own it is saved, not shown.
  const link = await thread.getByRole("link", { name: "Download logo.svg" }).getAttribute("href");
  const page = await bos.context().newPage();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.goto(desk.url + link).catch(() => {}),
  ]);
  assert.equal(download.suggestedFilename(), "logo.svg");
  assert.equal(await bos.evaluate(() => window.hacked), undefined);
});

test("U1: a file that is dropped and one that is pasted are attached, and each can be taken off", async () => {
  const ticket = await newTicket(desk);
  const page = await signIn(browser, desk, ada, { at: `/tickets/${ticket.id}` });
  await openTicket(page, desk, ticket.id);
  await page.evaluate(() => {
    const carry = (name) => {
      const data = new DataTransfer();
      data.items.add(new File(["x".repeat(2_000)], name));
      return data;
    };
    const box = document.querySelector("[data-mode] textarea");
    const init = (data) => ({ bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data });
    box.dispatchEvent(new DragEvent("dragover", init(carry("dropped.log"))));
    box.dispatchEvent(new DragEvent("drop", init(carry("dropped.log"))));
    box.dispatchEvent(new ClipboardEvent("paste", init(carry("pasted.log"))));
  });
  await page.getByRole("button", { name: "Take dropped.log off" }).waitFor();
  await page.getByRole("button", { name: "Take pasted.log off" }).click();
  await page.getByText("pasted.log").waitFor({ state: "detached" });
  await page.reload();
  await page.getByRole("button", { name: "Take dropped.log off" }).waitFor();
});
