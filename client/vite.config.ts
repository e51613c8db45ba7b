import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { compression, defineAlgorithm } from "vite-plugin-compression2";
import { defineConfig } from "vitest/config";

/** Source maps are for whoever runs the desk: what lies in `dist` goes into the binary and to everybody. */
function keepMapsApart(): Plugin {
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  return {
    name: "keep-maps-apart",
    apply: "build",
    closeBundle() {
      const maps = at("./source-maps");
      rmSync(maps, { recursive: true, force: true });
      mkdirSync(maps);
      for (const name of readdirSync(at("./dist/assets")))
        if (name.endsWith(".map")) renameSync(join(at("./dist/assets"), name), join(maps, name));
    },
  };
}

export default defineConfig({
  plugins: [
    react(),
    tailwindcss(),
    // The server sends these siblings as they lie; it never compresses an asset itself.
    compression({
      include: /\.(html|js|css|svg|json|webmanifest)$/,
      threshold: 1024,
      algorithms: [
        defineAlgorithm("gzip", { level: 9 }),
        defineAlgorithm("brotliCompress", { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
      ],
    }),
    keepMapsApart(),
  ],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "dist",
    target: ["chrome123", "firefox128", "safari17.5"],
    cssTarget: ["chrome123", "firefox128", "safari17.5"],
    // For errors that browsers report; see scripts/resolve-stack.mjs.
    sourcemap: "hidden",
    manifest: true,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { target: "http://127.0.0.1:8080", ws: true } },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}", "tests/**/*.test.ts"],
    setupFiles: ["tests/setup.ts"],
    restoreMocks: true,
  },
});
