import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { build } from "esbuild";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { customerWith } from "./setup.js";

const FOLDER = join(import.meta.dirname, "..");
const MAX_BYTES = 6 * 1024;

const packed = mkdtempSync(join(tmpdir(), "aureon-client-"));
after(() => rmSync(packed, { recursive: true }));

/** The package for a browser, as one script: all but the integrations. */
async function bundle(): Promise<string> {
  const built = await build({
    stdin: { contents: 'export * from "@aureon/client";', resolveDir: FOLDER },
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: "iife",
    globalName: "client",
    target: "es2022",
  });
  return built.outputFiles[0]!.text;
}

test("the client has less than 6 KB, compressed", async () => {
  const bytes = gzipSync(await bundle(), { level: 9 }).length;
  assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
});

test("the client needs nothing that an edge runtime or a browser does not have", async () => {
  const customer = await customerWith(10);
  const globals = { fetch, AbortController, DOMException, TextEncoder, URLSearchParams, crypto, setTimeout };
  const context = createContext({ ...globals, clearTimeout, setInterval, clearInterval, console });
  runInContext(`${await bundle()}; globalThis.Aureon = client.Aureon;`, context);
  const { AUREON_URL: url, AUREON_ACCESS_TOKEN: token } = process.env;
  const edge = new context.Aureon({ url, token });
  await edge.hold({ ...customer.usage, units: 5 }, (hold: any) => hold.capture({ units: 2 }));
  const batch = edge.batch();
  await batch.add({ ...customer.usage, units: 1 });
  await batch.close();
  assert.equal((await customer.standing()).used_units, "3");
});

test("the package's types and files are found, by every way of importing modules", async () => {
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", packed];
  const [{ filename, files }] = JSON.parse(execFileSync("npm", pack, { cwd: FOLDER, encoding: "utf8" }));
  const names = files.map(({ path }: { path: string }) => path) as string[];
  assert.deepEqual(names.filter((name) => !name.startsWith("dist/")).filter((name) => name !== "LICENSE"), ["README.md", "package.json"]);

  const checked = await checkPackage(createPackageFromTarballData(readFileSync(join(packed, filename))));
  assert.ok(checked.types);
  // There are modules alone: neither require() before Node.js 22 nor resolution of before 2022.
  const ours = checked.problems.filter((problem) =>
    "resolutionKind" in problem ? ["node16-esm", "bundler"].includes(problem.resolutionKind) : true,
  );
  assert.deepEqual(ours, []);

  const { messages, pkg } = await publint({ pkgDir: FOLDER, strict: true });
  assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
});

test("the types are those of the OpenAPI document", () => {
  execFileSync(process.execPath, ["generate.mjs", "--check"], { cwd: FOLDER, stdio: "pipe" });
});
