// `make screens`: pictures of the demo desk's screens in docs/screens, at the widths and in the schemes that people have.
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
const SCREENS = [
  { name: "inbox", path: "/inbox/open", keys: ["j"] },
  { name: "search", path: "/search?q=refund&status=closed&status=solved" },
  { name: "queue", path: "/queue" },
  { name: "board", path: "/board" },
  { name: "wallboard", path: "/wallboard" },
  { name: "time-machine", path: "/time" },
  { name: "settings", path: "/settings/shortcuts" },
];
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

const data = await mkdtemp(join(tmpdir(), "hotdesk-screens-"));
const out = join(root, "docs/screens");
await mkdir(out, { recursive: true });

const desk = spawn(join(root, "target/debug/hotdesk"), ["serve", "--demo", "--listen", "127.0.0.1:0", "--data", data], {
  env: { ...process.env, HOTDESK__DEMO__LIVE: "false" },
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

let browser;
try {
  browser = await chromium.launch({
    executablePath: process.env.HOTDESK_CHROMIUM ?? "/usr/bin/chromium",
    args: FLAGS.split(" "),
  });
  for (const { name: size, width, height } of WIDTHS) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
      const signedIn = await context.request.post(`${url}/api/v1/session`, {
        data: { email: "alex@example.org", password: "welcome to the desk" },
        headers: { origin: url },
      });
      if (!signedIn.ok()) throw new Error(`signing in: ${signedIn.status()} ${await signedIn.text()}`);
      for (const screen of SCREENS) {
        const page = await context.newPage();
        await page.goto(`${url}${screen.path}`, { waitUntil: "load" });
        await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
        await page.waitForLoadState("networkidle").catch(() => {});
        // Menus and filters come a moment after the first screen.
        await page.waitForTimeout(700);
        for (const key of screen.keys ?? []) await page.keyboard.press(key);
        await page.waitForTimeout(500);
        const path = join(out, `${screen.name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path });
        console.log(path);
        await page.close();
      }
      await context.close();
    }
  }
} finally {
  await browser?.close();
  desk.kill("SIGTERM");
  await ended;
  await rm(data, { recursive: true, force: true });
}
