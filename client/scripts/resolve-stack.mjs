// Says where in the source a browser's error was: `node scripts/resolve-stack.mjs < stack.txt`. The maps of a build lie in
// `source-maps` (or the folder that is named) and are no part of what the desk sends to anybody.
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { join } from "node:path";
import { argv, stdin, stdout } from "node:process";
import { pathToFileURL } from "node:url";

/** Every place of a bundle in `stack`, as its place in the source; what has no map stays as it is. */
export function resolveStack(stack, mapOf) {
  return stack.replace(
    /(?:https?:\/\/[^\s/]+)?\/?assets\/([\w.-]+\.js):(\d+):(\d+)/g,
    (whole, file, line, column) => {
      const map = mapOf(file);
      if (map === null) return whole;
      const entry = new SourceMap(map).findEntry(Number(line) - 1, Number(column) - 1);
      if (entry.originalSource === undefined) return whole;
      return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    },
  );
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const folder = argv[2] ?? new URL("../source-maps", import.meta.url).pathname;
  const mapOf = (file) => {
    try {
      return JSON.parse(readFileSync(join(folder, `${file}.map`), "utf8"));
    } catch {
      return null;
    }
  };
  stdout.write(resolveStack(readFileSync(stdin.fd, "utf8"), mapOf));
}
