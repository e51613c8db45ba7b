// `make screens`: pictures of the demo desk's screens in target/screens, at the widths and in the schemes that people have. The
// few that the README shows are chosen by hand. Arguments take only those screens (by how they begin), widths and schemes:
// `make screens ARGS="board queue desktop dark"`.
// It starts the debug build on a free port with data of its own, and removes them afterwards.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { chromium } = createRequire(join(root, "client/package.json"))("playwright-core");

const WIDTHS = [
  { name: "phone", width: 360, height: 780 },
  { name: "laptop", width: 1280, height: 800 },
  { name: "desktop", width: 2560, height: 1440 },
];
const SETTINGS = ["profile", "appearance", "shortcuts", "macros", "views", "teams", "fields", "requests", "ai", "users", "tokens"];
const ALL = [
  { name: "sign-in", path: "/sign-in", open: true },
  { name: "request-form", path: "/request/new", open: true },
  { name: "request", path: "/request#TOKEN", open: true },
  { name: "inbox", path: "/inbox/open", keys: ["j"] },
  { name: "ticket", path: "/inbox/pending/TICKET" },
  { name: "inbox-list", path: "/inbox/open" },
  { name: "note", path: "/inbox/open", keys: ["j", "n"], type: "@" },
  { name: "bulk", path: "/inbox/open", keys: ["j", "x", "J", "J"] },
  { name: "filters", path: "/inbox/open?priority=high&priority=urgent&team=support" },
  { name: "empty", path: "/inbox/mentions" },
  { name: "palette", path: "/inbox/open", keys: ["Control+k"], type: "re" },
  { name: "help", path: "/inbox/open", keys: ["?"] },
  { name: "new-ticket", path: "/inbox/open", keys: ["N"] },
  { name: "merge", path: "/inbox/open", keys: ["j", "m"], type: "parcel" },
  { name: "search", path: "/search?q=refund&status=closed&status=solved" },
  { name: "queue", path: "/queue" },
  { name: "board", path: "/board" },
  { name: "board-ticket", path: "/board", keys: ["l", "o"] },
  { name: "wallboard", path: "/wallboard" },
  { name: "time-machine", path: "/time" },
  ...["overview", "trends", "team", "agents", "sla", "ai"].map((section) => ({
    name: `analytics-${section}`,
    path: `/analytics/${section}`,
  })),
  { name: "reports", path: "/reports" },
  { name: "operations", path: "/operations" },
  { name: "not-found", path: "/nothing/here" },
  ...SETTINGS.map((section) => ({ name: `settings-${section}`, path: `/settings/${section}` })),
];
/** Those that an argument names; all of them where none does. */
const asked = new Set(process.argv.slice(2));
function chosen(all, is) {
  const some = all.filter((one) => [...asked].some((word) => is(one, word)));
  return some.length === 0 ? all : some;
}
const SIZES = chosen(WIDTHS, ({ name }, word) => name === word);
const SCHEMES = chosen(["light", "dark"], (scheme, word) => scheme === word);
const SCREENS = chosen(ALL, ({ name }, word) => name.startsWith(word));
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

const TOKEN = "screens-administrator-token-0123456789";
const data = await mkdtemp(join(tmpdir(), "hotdesk-screens-"));
const out = join(root, "target/screens");
await mkdir(out, { recursive: true });

const desk = spawn(join(root, "target/debug/hotdesk"), ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data], {
  env: { ...process.env, HOTDESK__DEMO__LIVE: "false", HOTDESK_ADMIN_TOKEN: TOKEN },
  stdio: ["ignore", "pipe", "inherit"],
});
const ended = new Promise((resolve) => desk.once("exit", resolve));
const url = await new Promise((resolve, reject) => {
  ended.then((code) => reject(new Error(`the desk ended with ${code}`)));
  createInterface({ input: desk.stdout }).on("line", (line) => {
    const found = line.match(/^listening on (\S+)/);
    if (found) resolve(found[1]);
  });
});

/** Opens the request form and writes by it; gives the secret of the link. */
async function request() {
  const post = async (method, path, body, headers = {}) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const admin = { authorization: `Bearer ${TOKEN}` };
  const field = (id, name, kind, required, options = []) => ({ id, name, kind, options, on_form: true, required });
  await post(
    "PUT",
    "/settings",
    {
      request_form: { open: true, title: "How can we help?", intro: "We answer within a working day.", team: "support" },
      custom_fields: [
        field("order", "Order number", "text", false),
        field("plan", "Plan", "choice", true, ["Starter", "Team", "Company"]),
        field("terms", "You may look into my account", "checkbox", false),
      ],
    },
    admin,
  );
  await post("PUT", "/shared/refund", { kind: "macro", name: "Refund", team: null, body: "Hello {{requester.first_name}}" }, admin);
  await post("PUT", "/shared/late", { kind: "view", name: "Burning", base: "open", search: "?priority=urgent" }, admin);
  const { token, request: made } = await post("POST", "/requests", {
    name: "Rosa Marchetti",
    email: "rosa@example.org",
    subject: "The kettle leaks since the update",
    body: "Since this morning there is water everywhere.\n\nIs there anything that I can do?",
    custom: { plan: "Team", order: "A-1093" },
  });
  await post(
    "POST",
    `/tickets/${made.id}/messages`,
    { body: "Hello Rosa,\n\nplease **unplug it** first. Which of these is it?\n\n- the red one\n- the blue one", body_format: "markdown", visibility: "public", status: "pending" },
    admin,
  );
  return { token, ticket: made.id };
}

let browser;
try {
  browser = await chromium.launch({
    executablePath: process.env.HOTDESK_CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS.split(" "),
  });
  const { token, ticket } = await request();
  for (const { name: size, width, height } of SIZES) {
    for (const colorScheme of SCHEMES) {
      const contexts = [];
      const signedIn = async (email) => {
        const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
        contexts.push(context);
        const answer = await context.request.post(`${url}/api/v1/session`, {
          data: { email, password: "welcome to the desk" },
          headers: { origin: url },
        });
        if (!answer.ok()) throw new Error(`signing in: ${answer.status()} ${await answer.text()}`);
        return context;
      };
      const agent = await signedIn("alex@example.org");
      const administrator = await signedIn("admin@example.org");
      for (const screen of SCREENS) {
        const page = await (screen.name.startsWith("settings") ? administrator : agent).newPage();
        await page.goto(`${url}${screen.path.replace("TOKEN", token).replace("TICKET", ticket)}`, { waitUntil: "load" });
        const there = screen.open || screen.name === "not-found" ? "main, p" : "[data-connection=live]";
        await page.locator(there).first().waitFor({ state: "attached" });
        await page.waitForLoadState("networkidle").catch(() => {});
        // Menus and filters come a moment after the first screen.
        await page.waitForTimeout(400);
        for (const key of screen.keys ?? []) {
          await page.keyboard.press(key);
          await page.waitForTimeout(250);
        }
        if (screen.type) await page.keyboard.type(screen.type);
        await page.waitForTimeout(350);
        const path = join(out, `${screen.name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path });
        console.log(path);
        await page.close();
      }
      for (const context of contexts) await context.close();
    }
  }
} finally {
  await browser?.close();
  desk.kill("SIGTERM");
  await ended;
  await rm(data, { recursive: true, force: true });
}
