// `npm run test:e2e`: all browser tests, two files at a time, in one Chromium. Names as arguments take only those files.
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { LAUNCH } from "./support.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter(
    (name) =>
      name.endsWith(".test.mjs") && (wanted.length === 0 || wanted.some((word) => name.includes(word))),
  )
  .map((name) => folder + name)
  // The long ones first, so that none of them is left alone at the end.
  .sort((a, b) => statSync(b).size - statSync(a).size);
// A test waits more than it computes, for the page, the server and the clock in turn.
const atOnce = Math.max(2, availableParallelism() - 1);

const browser = await chromium.launchServer(LAUNCH);
const child = spawn(process.execPath, ["--test", `--test-concurrency=${atOnce}`, ...files], {
  env: { ...process.env, HOTDESK_BROWSER: browser.wsEndpoint() },
  stdio: "inherit",
});
process.exitCode = await new Promise((done) => child.once("exit", (code) => done(code ?? 1)));
await browser.close();
