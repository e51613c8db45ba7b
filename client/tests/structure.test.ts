import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../src", import.meta.url));

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const sources = filesBelow(root)
  .filter((path) => /\.tsx?$/.test(path) && !path.includes("generated"))
  .map((path) => {
    const text = readFileSync(path, "utf8");
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
    return {
      path: relative(root, path),
      text,
      imports,
      ours: imports.flatMap((name) => resolved(path, name)),
    };
  });

function resolved(from: string, name: string): string[] {
  if (name.startsWith("@/")) return [name.slice(2)];
  const target = name.startsWith(".") ? relative(root, resolve(dirname(from), name)) : "..";
  return target.startsWith("..") ? [] : [target];
}

/** Which folders each folder may import from, beside itself. */
const ALLOWED: Record<string, string[]> = {
  protocol: [],
  sync: ["protocol"],
  "components/ui": ["protocol", "app/strings", "desk/format-time", "desk/keymap", "desk/use-now"],
  keyboard: ["sync", "desk/keymap"],
  desk: ["protocol", "sync", "components/ui", "app/strings"],
  features: ["protocol", "sync", "components/ui", "app/strings", "desk", "keyboard"],
  "app/strings": ["protocol"],
};

function folderOf(path: string): string | undefined {
  return Object.keys(ALLOWED)
    .sort((a, b) => b.length - a.length)
    .find((folder) => path.startsWith(`${folder}/`));
}

describe("C25: the layout", () => {
  test.each(sources.filter((source) => folderOf(source.path)))(
    "$path imports only from below it",
    (source) => {
      const folder = folderOf(source.path) ?? "";
      const strays = source.ours.filter(
        (target) =>
          ![folder, ...(ALLOWED[folder] ?? [])].some(
            (allowed) =>
              target === allowed ||
              target.startsWith(`${allowed}/`) ||
              `${target}/`.startsWith(`${allowed}/`),
          ),
      );
      expect(strays).toEqual([]);
    },
  );

  test("a feature never imports another feature", () => {
    const crossings = sources.flatMap(({ path, ours }) => {
      const own = /^features\/([^/]+)\//.exec(path)?.[1];
      if (own === undefined) return [];
      return ours
        .filter((target) => target.startsWith("features/") && !target.startsWith(`features/${own}/`))
        .map((target) => `${path} -> ${target}`);
    });
    expect(crossings).toEqual([]);
  });

  test("sync knows no React and no globals of a browser", () => {
    const offences = sources
      .filter(({ path }) => path.startsWith("sync/"))
      .flatMap(({ path, imports, text }) => [
        ...imports
          .filter((name) => /^react|^wouter|^@tanstack/.test(name))
          .map((name) => `${path} -> ${name}`),
        ...(/\b(window|document|localStorage|sessionStorage)\b\./.test(text)
          ? [`${path} reaches for the browser`]
          : []),
      ]);
    expect(offences).toEqual([]);
  });

  test("colours are tokens: no hex and no colour functions outside of styles", () => {
    const painted = sources
      .filter(
        ({ path }) =>
          path.startsWith("features/") || path.startsWith("components/") || path.startsWith("desk/"),
      )
      .filter(({ text }) =>
        /["'[\s(]#[0-9a-f]{3,8}["'\])\s]|rgba?\(|hsla?\(|oklch\(/i.test(text.replace(/#\$?\{/g, "")),
      )
      .map(({ path }) => path);
    expect(painted).toEqual([]);
  });
});
