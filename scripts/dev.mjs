// `make dev`: the desk on 127.0.0.1:8080, built and started again when a Rust source or the configuration changes, and Vite
// beside it, which serves the client with hot reload and passes /api on to the desk. Ctrl-C ends both.

import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const server = ["--demo", "--data", "target/dev-data", ...process.argv.slice(2)];
const env = { ...process.env, HOTDESK_PROFILE: process.env.HOTDESK_PROFILE ?? "development" };

let desk = null;
let building = false;
let changed = false;
let leaving = false;

function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", env, ...options });
    child.on("error", (error) => {
      console.error(`dev: ${command}: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

async function stopDesk() {
  if (desk === null) return;
  const child = desk;
  desk = null;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

async function rebuild() {
  if (building) {
    changed = true;
    return;
  }
  building = true;
  do {
    changed = false;
    // The old server stays until the new one is built, so that a typing mistake does not take the desk away.
    if ((await run("cargo", ["build", "--bin", "hotdesk"])) === 0 && !leaving) {
      await stopDesk();
      const child = spawn(join(root, "target/debug/hotdesk"), ["serve", ...server], { cwd: root, stdio: "inherit", env });
      child.on("exit", (code, signal) => {
        if (desk === child) {
          desk = null;
          console.error(`dev: the desk ended (${signal ?? code}); it starts again with the next change`);
        }
      });
      desk = child;
    }
  } while (changed && !leaving);
  building = false;
}

let settle = null;
function onChange() {
  clearTimeout(settle);
  // Editors write a file in several steps.
  settle = setTimeout(rebuild, 150);
}

for (const path of ["src", "config", "Cargo.toml", "Cargo.lock"]) {
  watch(join(root, path), { recursive: true }, onChange);
}

const vite = spawn("npm", ["--prefix", "client", "run", "dev"], { cwd: root, stdio: "inherit", env });

async function leave(code) {
  if (leaving) return;
  leaving = true;
  vite.kill("SIGTERM");
  await stopDesk();
  process.exit(code);
}
vite.on("exit", (code) => leave(code ?? 1));
process.on("SIGINT", () => leave(0));
process.on("SIGTERM", () => leave(0));

await rebuild();
