// Browsers ask for brotli only over TLS, so gzip is what a desk on a local network costs.
// Fails when what a signed-in agent must load before the first screen works grows past its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 150_000;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** The first screen after sign-in: the entry, and the route that the inbox needs. */
const ROOTS = ["index.html", "src/app/start.tsx", "src/app/inbox-page.tsx"];

const files = new Set();
const seen = new Set();
function collect(key) {
  if (seen.has(key)) return;
  seen.add(key);
  const chunk = manifest[key];
  if (!chunk) throw new Error(`the manifest has no ${key}: did a route move?`);
  if (chunk.file.endsWith(".js")) files.add(chunk.file);
  for (const imported of chunk.imports ?? []) collect(imported);
}
for (const root of ROOTS) collect(root);

let total = 0;
for (const file of files) {
  const bytes = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).byteLength;
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(7)} kB  ${file}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  initial JavaScript, of ${BUDGET_BYTES / 1000} kB`);
if (total >= BUDGET_BYTES) {
  console.error("The initial JavaScript is over its budget.");
  process.exit(1);
}
