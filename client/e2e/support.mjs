// Starts the real server for a test file, and browsers that look at it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const BINARY = resolve(
  process.env.HOTDESK_BIN ?? new URL("../../target/debug/hotdesk", import.meta.url).pathname,
);
const CHROMIUM = process.env.HOTDESK_CHROMIUM ?? "/usr/bin/chromium";
const START_WITHIN_MS = 30_000;

/** The sections of the settings that an administrator has. */
export const SETTINGS = [
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
];

export const ADMIN = {
  email: "admin@example.com",
  password: "correct horse battery staple",
  token: "e2e-administrator-token-0123456789abcdef",
};

/**
 * A desk in a folder of its own, with its demo data and its administrator unless told otherwise. Ended and removed by
 * `stop`.
 */
export async function startDesk(options = {}) {
  const data = await mkdtemp(join(tmpdir(), "hotdesk-e2e-"));
  const server = await launch(data, "127.0.0.1:0", options);
  return {
    ...server,
    data,
    /** The same desk again, at the same address, after it was stopped. */
    async restart() {
      Object.assign(this, await launch(data, new URL(this.url).host, options));
    },
    async stop() {
      await this.halt();
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function launch(data, listen, { demo = true, admin = true, settings = {} }) {
  const child = spawn(BINARY, ["serve", ...(demo ? ["--demo"] : []), "--listen", listen, "--data", data], {
    env: {
      ...process.env,
      ...settings,
      ...(admin
        ? {
            HOTDESK_ADMIN_EMAIL: ADMIN.email,
            HOTDESK_ADMIN_PASSWORD: ADMIN.password,
            HOTDESK_ADMIN_TOKEN: ADMIN.token,
          }
        : {}),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const errors = [];
  child.stderr.on("data", (chunk) => errors.push(chunk));
  const ended = new Promise((done) => child.once("exit", done));
  const lines = createInterface({ input: child.stdout });
  // Only a desk that nobody has set up says it; whoever does not ask does not wait.
  const setUp = new Promise((done) => {
    lines.on("line", (line) => {
      const found = /(http:\/\/\S+\/setup\?token=\S+)/.exec(line);
      if (found) done(found[1]);
    });
  });
  const url = await new Promise((done, fail) => {
    const late = setTimeout(
      () => fail(new Error("the server did not say where it listens")),
      START_WITHIN_MS,
    );
    child.once("error", fail);
    child.once("exit", (code) => fail(new Error(`the server ended with ${code}: ${Buffer.concat(errors)}`)));
    lines.on("line", (line) => {
      const found = /^listening on (http:\/\/\S+)/.exec(line);
      if (!found) return;
      clearTimeout(late);
      done(found[1].replace(/\/$/, ""));
    });
  });
  return {
    url,
    /** The link that makes the first administrator. */
    setUp,
    async halt() {
      child.kill("SIGTERM");
      await ended;
    },
    /** As a power cut would: without a word. */
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A call of the HTTP interface, as the administrator unless a token says otherwise. */
export async function call(desk, method, path, body, token = ADMIN.token) {
  const response = await fetch(`${desk.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** A new agent who can sign in. */
export async function newAgent(desk, name) {
  const email = `${name.toLowerCase().replaceAll(" ", ".")}@example.com`;
  const password = `${name} has a long password`;
  const user = await call(desk, "POST", "/users", { email, name, role: "agent", password });
  const { token } = await call(desk, "POST", "/tokens", { user: user.id, name: "e2e" });
  return { id: user.id, name, email, password, token };
}

export async function newTicket(desk, over = {}) {
  return call(desk, "POST", "/tickets", {
    subject: "The printer is on fire",
    body: "It started this morning. Please help.",
    requester: { name: "Rosa Requester", email: "rosa@example.com" },
    ...over,
  });
}

/** How Chromium is started. */
export const LAUNCH = {
  executablePath: CHROMIUM,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** The one that the whole run has, or one of its own for a file that runs alone. */
export async function launchBrowser() {
  const running = process.env.HOTDESK_BROWSER;
  return running === undefined ? chromium.launch(LAUNCH) : chromium.connect(running);
}

/**
 * A browser of its own, signed in, with the inbox on the screen, or the page that `at` names. Any error in it fails the test.
 * The door itself has tests of its own; here it is passed by a call. With `line` the test has its hand on the page's line to the
 * server, `page.line`: each message then makes a detour over the test, so nothing is timed that way.
 */
export async function signIn(browser, desk, who, { at = "/", line: held = false, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    ...options,
  });
  const answer = await context.request.post(`${desk.url}/api/v1/session`, {
    data: { email: who.email, password: who.password },
    headers: { origin: desk.url },
  });
  assert.ok(answer.ok(), `signing in answered ${answer.status()}: ${await answer.text()}`);
  const line = held ? await lineOf(context) : null;
  const page = await context.newPage();
  page.line = line;
  page.on("pageerror", (error) => {
    throw error;
  });
  await page.goto(`${desk.url}${at}`);
  await live(page);
  return page;
}

/** Asks until it is so; the browser shows a change before the server has it. */
export async function assertEventually(check, withinMs = 5_000) {
  const until = Date.now() + withinMs;
  while (!(await check())) {
    assert.ok(Date.now() < until, `not so within ${withinMs} ms: ${check}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** Until the server has the ticket with these fields. */
export async function ticketBecomes(desk, id, fields) {
  await assertEventually(async () => {
    const ticket = await call(desk, "GET", `/tickets/${id}`);
    return Object.entries(fields).every(([name, value]) => ticket[name] === value);
  });
}

/**
 * A hand on the page's line to the server: `hold` keeps back what comes and goes from then on, `release` lets it pass.
 * Must be asked for before the page connects.
 */
async function lineOf(context) {
  const waiting = [];
  let held = false;
  const pass = (send) => {
    if (held) waiting.push(send);
    else send();
  };
  await context.routeWebSocket(/\/api\/v1\/ws$/, (page) => {
    const server = page.connectToServer();
    page.onMessage((message) => pass(() => server.send(message)));
    server.onMessage((message) => pass(() => page.send(message)));
  });
  return {
    hold() {
      held = true;
    },
    release() {
      held = false;
      for (const send of waiting.splice(0)) send();
    },
  };
}

export async function live(page) {
  await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
}

export async function openTicket(page, desk, id) {
  if (!new URL(page.url()).pathname.endsWith(`/${id}`)) await page.goto(`${desk.url}/tickets/${id}`);
  await page.getByRole("region", { name: "Conversation" }).getByRole("article").first().waitFor();
  await live(page);
}

/** A picture that the browser itself drew. */
export async function picture(page) {
  const base64 = await page.evaluate(() => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [900, 600];
    const context = canvas.getContext("2d");
    context.fillStyle = "teal";
    context.fillRect(0, 0, 900, 600);
    return canvas.toDataURL("image/png").split(",")[1];
  });
  return Buffer.from(base64, "base64");
}
