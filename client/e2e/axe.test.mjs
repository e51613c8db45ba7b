// Every screen by the rules of WCAG 2.2 AA that a machine can check, in light and in dark.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { ADMIN, call, launchBrowser, newAgent, newTicket, SETTINGS, signIn, startDesk } from "./support.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const ALL = {
  type: "tag",
  values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
};
const COLOURS = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

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

/** Whether the page is drawn in that scheme, with every change of colour at its end. */
function isIn(scheme) {
  const probe = document.createElement("i");
  probe.style.color = "light-dark(rgb(1 1 1), rgb(2 2 2))";
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return (
    color === (scheme === "dark" ? "rgb(2, 2, 2)" : "rgb(1, 1, 1)") &&
    document.getAnimations().every((one) => one.playState !== "running" || !("transitionProperty" in one))
  );
}

/**
 * Of the whole page, or only of what lies over it: what is behind a dialog cannot be had then. In light by every rule; in dark, which
 * changes nothing but colours, by those about colours.
 */
async function violations(page, overlay = null) {
  // The page's own policy lets no other script in, so this comes as the browser's.
  await page.evaluate(AXE);
  const found = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForFunction(isIn, colorScheme);
    const { violations } = await page.evaluate(
      ([runOnly, part]) =>
        globalThis.axe.run(part ?? document, {
          runOnly,
          // These look at a whole page.
          rules: part === null ? {} : { region: { enabled: false } },
        }),
      [colorScheme === "light" ? ALL : COLOURS, overlay],
    );
    for (const { id, help, nodes } of violations)
      for (const node of nodes)
        found.push(
          `${colorScheme}: ${id} (${help}): ${node.target.join(" ")} ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`,
        );
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  return found;
}

const TICKET = () => `/tickets/${desk.ticket}`;

/** Where each screen is, what stands there, which keys bring up what is looked at, and from which width on. */
const SCREENS = [
  { name: "inbox", path: "/inbox/open", there: "[data-ticket]" },
  { name: "ticket", path: TICKET, there: "article" },
  { name: "closed ticket", path: () => `/tickets/${closed.id}`, there: "article" },
  { name: "note", path: TICKET, there: "article", keys: ["n"], shows: "[data-mode=note]" },
  { name: "priority menu", path: TICKET, there: "article", keys: ["p"], over: "[role=menu]" },
  {
    name: "selection",
    path: "/inbox/open",
    there: "[data-ticket]",
    keys: ["j", "x", "J"],
    shows: "[role=toolbar]",
    least: 1280,
  },
  { name: "empty view", path: "/inbox/mentions", there: "h1" },
  { name: "search", path: "/search?q=parcel", there: "[data-ticket]" },
  { name: "queue", path: "/queue", there: "main h1" },
  { name: "board", path: "/board", there: "[data-card]" },
  { name: "wallboard", path: "/wallboard", there: "dd" },
  ...[
    ["overview", "table"],
    ["trends", "[aria-pressed]"],
    ["team", "table"],
    ["agents", "main h3"],
    ["sla", "dl"],
    ["ai", "dl"],
  ].map(([section, there]) => ({ name: `analytics, ${section}`, path: `/analytics/${section}`, there })),
  { name: "reports", path: "/reports", there: "form" },
  { name: "operations", path: "/operations", there: "table" },
  { name: "time machine", path: "/time", there: "input[type=range]" },
  {
    name: "palette",
    path: "/inbox/open",
    there: "[data-ticket]",
    keys: ["Control+k"],
    over: "[role=dialog]",
  },
  { name: "help", path: "/inbox/open", there: "[data-ticket]", keys: ["?"], over: "[role=dialog]" },
  { name: "new ticket", path: "/inbox/open", there: "[data-ticket]", keys: ["N"], over: "[role=dialog]" },
  { name: "merge", path: TICKET, there: "article", keys: ["m"], over: "[role=dialog]" },
  { name: "nothing", path: "/nothing/here", there: "main h1" },
  ...SETTINGS.map((section) => ({
    name: `settings, ${section}`,
    path: `/settings/${section}`,
    there: "main h2",
  })),
];

const PUBLIC = [
  ["sign-in", "/sign-in", "form"],
  ["set-up without a link", "/setup", "p"],
  ["request form", "/request/new", "form"],
  ["request", () => `/request#${token}`, "article"],
  ["request without a link", "/request", "p"],
];

const addressOf = (path) => `${desk.url}${typeof path === "function" ? path() : path}`;

describe("C70: axe, light and dark", () => {
  test("before the door", async () => {
    const context = await browser.newContext({
      colorScheme: "light",
      reducedMotion: "reduce",
      locale: "en-GB",
    });
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
        colorScheme: "light",
        reducedMotion: "reduce",
        viewport: { width, height },
      });
      const wrong = [];
      for (const { name, path, there, keys = [], shows = null, over = null, least = 0 } of SCREENS) {
        if (width < least) continue;
        await page.goto(addressOf(path));
        await page.locator(there).first().waitFor();
        for (const one of keys) await page.keyboard.press(one);
        if (shows !== null || over !== null)
          await page
            .locator(over ?? shows)
            .first()
            .waitFor();
        await page.evaluate(() => new Promise((done) => requestIdleCallback(done, { timeout: 2_000 })));
        wrong.push(...(await violations(page, over)).map((one) => `${name}: ${one}`));
      }
      await page.context().close();
      assert.deepEqual(wrong, []);
    });
  }
});
