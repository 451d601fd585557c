// Bundles the unit tests and runs them with node's own runner.
import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.join(here, "../build/test");
const tests = (await readdir(here)).filter((name) => name.endsWith(".test.ts"));

await build({
  absWorkingDir: here,
  entryPoints: tests,
  outdir: out,
  bundle: true,
  platform: "node",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  jsx: "automatic",
  jsxImportSource: "preact",
  banner: { js: 'globalThis.location ??= new URL("http://127.0.0.1/");' },
});

const built = tests.map((name) => path.join(out, name.replace(/ts$/, "mjs")));
const { status } = spawnSync(process.execPath, ["--test", "--test-reporter=dot", ...built], {
  stdio: "inherit",
});
process.exit(status ?? 1);
