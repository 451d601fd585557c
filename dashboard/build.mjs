// Builds the dashboard's files into the folder that is named, as functions/dashboard.py serves them.
// Names hold a hash of the content; the same sources and lock give the same bytes anywhere.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "../functions/dashboard_files"));

const { metafile, outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.tsx", "src/portal/portal.tsx", "src/icon.svg"],
  // A language other than English is a file of its own, which only its readers load.
  splitting: true,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  outdir: out,
  outbase: "src",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  format: "esm",
  target: "es2023",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".woff2": "file", ".svg": "copy" },
  legalComments: "none",
  charset: "utf8",
});

const nameOf = (source) => {
  const found = Object.entries(metafile.outputs).find(([, { inputs }]) => source in inputs);
  return path.basename(found[0]);
};
const entry = (source) =>
  Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === source);
const font = (family) =>
  nameOf(`node_modules/@fontsource-variable/${family}/files/${family}-latin-wght-normal.woff2`);

async function page(template, source) {
  const [script, { cssBundle }] = entry(source);
  return (await readFile(path.join(here, template), "utf8"))
    .replace("SCRIPT", path.basename(script))
    .replace("STYLE", path.basename(cssBundle))
    .replace("ICON", nameOf("src/icon.svg"))
    .replace("FONT", font("geist"));
}

await mkdir(out, { recursive: true });
for (const name of await readdir(out)) await rm(path.join(out, name));
for (const file of outputFiles) await writeFile(path.join(out, path.basename(file.path)), file.contents);
await writeFile(path.join(out, "index.html"), await page("src/index.html", "src/main.tsx"));
await writeFile(path.join(out, "portal.html"), await page("src/portal/portal.html", "src/portal/portal.tsx"));
