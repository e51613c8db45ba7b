// Lighthouse over sign-in, inbox and board with many tickets. It is no dependency: npm fetches it for the run.
// `node scripts/measure-lighthouse.mjs [tickets]`
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ADMIN } from "../e2e/support.mjs";
import { deskWith, figure } from "./measure-support.mjs";

// The newest that the oldest Node.js of the README runs.
const LIGHTHOUSE = "lighthouse@12";
const [tickets = 2_000] = process.argv.slice(2).map(Number);

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

function run(url, port, file) {
  const flags = [
    url,
    `--port=${port}`,
    "--preset=desktop",
    "--output=json",
    `--output-path=${file}`,
    "--only-categories=performance,accessibility,best-practices",
    "--disable-storage-reset",
    "--quiet",
  ];
  const child = spawn("npx", ["--yes", LIGHTHOUSE, ...flags], { stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((done, fail) =>
    child.once("exit", (code) => (code === 0 ? done() : fail(new Error(`lighthouse ended with ${code}`)))),
  );
}

const desk = await deskWith(tickets);
const folder = await mkdtemp(join(tmpdir(), "hotdesk-lighthouse-"));
const port = await freePort();
const context = await chromium.launchPersistentContext(join(folder, "profile"), {
  executablePath: process.env.HOTDESK_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", `--remote-debugging-port=${port}`],
});
try {
  const measure = async (name, path) => {
    const file = join(folder, `${name}.json`);
    await run(`${desk.url}${path}`, port, file);
    const report = JSON.parse(await readFile(file, "utf8"));
    for (const [id, category] of Object.entries(report.categories)) {
      const score = Math.round((category.score ?? 0) * 100);
      figure(`${name}: ${id}`, score, "", "≥ 95", score >= 95);
      if (score >= 95) continue;
      for (const ref of category.auditRefs) {
        const audit = report.audits[ref.id];
        if (audit.score !== null && audit.score < 0.9 && ref.weight > 0)
          console.log(`       ${ref.id}: ${audit.displayValue ?? audit.title}`);
      }
    }
  };
  await measure("sign-in", "/sign-in");
  const page = await context.newPage();
  await page.goto(`${desk.url}/sign-in`);
  await page.getByLabel("Email").fill(ADMIN.email);
  await page.getByLabel("Password").fill(ADMIN.password);
  await page.getByRole("button", { name: /Sign in|Se connecter/ }).click();
  await page.locator("[data-connection=live]").first().waitFor({ state: "attached" });
  await page.close();
  await measure("inbox", "/inbox/open");
  await measure("board", "/board");
} finally {
  await context.close();
  await desk.stop();
  await rm(folder, { recursive: true, force: true });
}
