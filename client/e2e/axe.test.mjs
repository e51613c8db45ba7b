// Every screen by the rules of WCAG 2.2 AA that a machine can check, in light and in dark.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { ADMIN, call, launchBrowser, live, newAgent, newTicket, signIn, startDesk } from "./support.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let desk;
let browser;
let token;
let closed;

before(async () => {
  desk = await startDesk();
  browser = await launchBrowser();
  await call(desk, "PUT", "/settings", {
    request_form: { open: true, title: "", intro: "Write to us.", team: null },
    custom_fields: [
      {
        id: "plan",
        name: "Plan",
        kind: "choice",
        options: ["small", "large"],
        on_form: true,
        required: true,
      },
      { id: "terms", name: "I agree", kind: "checkbox", options: [], on_form: true, required: true },
    ],
  });
  const kim = await newAgent(desk, "Kim Sato");
  const ticket = await newTicket(desk, {
    tags: ["urgent"],
    priority: "urgent",
    custom: { plan: "large", order: "A-7" },
  });
  closed = await newTicket(desk, { subject: "It is over" });
  await call(desk, "PATCH", `/tickets/${closed.id}`, { status: "closed" });
  await call(desk, "POST", `/tickets/${ticket.id}/messages`, {
    body: "# A title\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n> quoted `code`\n\n- [ ] to do\n\n![x](https://example.org/x.png)",
    body_format: "markdown",
    visibility: "public",
  });
  await call(
    desk,
    "POST",
    `/tickets/${ticket.id}/messages`,
    { body: "Among us.", visibility: "internal" },
    kim.token,
  );
  ({ token } = await call(desk, "POST", `/tickets/${ticket.id}/request-links`));
  desk.ticket = ticket.id;
});

after(async () => {
  await browser?.close();
  await desk?.stop();
});

async function violations(page) {
  // The page's own policy lets no other script in, so this comes as the browser's.
  await page.evaluate(AXE);
  const found = await page.evaluate(
    (tags) => globalThis.axe.run(document, { runOnly: { type: "tag", values: tags } }),
    TAGS,
  );
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      (node) =>
        `${id} (${help}): ${node.target.join(" ")} ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`,
    ),
  );
}

const key =
  (...keys) =>
  async (page) => {
    for (const one of keys) await page.keyboard.press(one);
  };

/** Where each screen is, what brings it into a state worth looking at, and what stands there then. */
const SCREENS = [
  ["inbox", "/inbox/open", null, "[data-ticket]"],
  ["ticket", () => `/tickets/${desk.ticket}`, null, "article"],
  ["closed ticket", () => `/tickets/${closed.id}`, null, "article"],
  ["note", () => `/tickets/${desk.ticket}`, key("n"), "[data-mode=note]"],
  ["priority menu", () => `/tickets/${desk.ticket}`, key("p"), "[role=menu]"],
  ["selection", "/inbox/open", key("j", "x", "J"), "[role=toolbar], [data-ticket]"],
  ["empty view", "/inbox/mentions", null, "h1"],
  ["search", "/search?q=parcel", null, "[data-ticket]"],
  ["queue", "/queue", null, "main"],
  ["board", "/board", null, "[data-card]"],
  ["wallboard", "/wallboard", null, "dl, dd"],
  ["time machine", "/time", null, "input[type=range]"],
  ["palette", "/inbox/open", key("Control+k"), "[cmdk-input]"],
  ["help", "/inbox/open", key("?"), "[role=dialog]"],
  ["new ticket", "/inbox/open", key("N"), "[role=dialog]"],
  ["merge", () => `/tickets/${desk.ticket}`, key("m"), "[role=dialog]"],
  ...[
    "profile",
    "appearance",
    "shortcuts",
    "macros",
    "views",
    "teams",
    "fields",
    "requests",
    "users",
    "tokens",
  ].map((section) => [`settings, ${section}`, `/settings/${section}`, null, "h2"]),
];

const PUBLIC = [
  ["sign-in", "/sign-in", "form"],
  ["set-up without a link", "/setup", "p"],
  ["request form", "/request/new", "form"],
  ["request", () => `/request#${token}`, "article"],
  ["request without a link", "/request", "p"],
];

const addressOf = (path) => `${desk.url}${typeof path === "function" ? path() : path}`;

for (const colorScheme of ["light", "dark"]) {
  describe(`C70: axe, ${colorScheme}`, () => {
    test("before the door", async () => {
      const context = await browser.newContext({ colorScheme, reducedMotion: "reduce", locale: "en-GB" });
      const wrong = [];
      for (const [name, path, there] of PUBLIC) {
        const page = await context.newPage();
        await page.goto(addressOf(path));
        await page.locator(there).first().waitFor();
        wrong.push(...(await violations(page)).map((one) => `${name}: ${one}`));
        await page.close();
      }
      await context.close();
      assert.deepEqual(wrong, []);
    });

    for (const [width, height] of [
      [1280, 800],
      [360, 780],
    ]) {
      test(`inside, ${width} px`, async () => {
        const page = await signIn(browser, desk, ADMIN, {
          colorScheme,
          reducedMotion: "reduce",
          viewport: { width, height },
        });
        const wrong = [];
        for (const [name, path, act, there] of SCREENS) {
          await page.goto(addressOf(path));
          if (!String(path).includes("wallboard")) await live(page);
          await act?.(page);
          const shown = page.locator(there).first();
          await shown.waitFor({ timeout: 15_000 }).catch(() => wrong.push(`${name}: ${there} did not come`));
          await page.evaluate(() => new Promise((done) => requestIdleCallback(done, { timeout: 2_000 })));
          wrong.push(...(await violations(page)).map((one) => `${name}: ${one}`));
        }
        await page.context().close();
        assert.deepEqual(wrong, []);
      });
    }
  });
}
