// Writes src/schema.ts, the types of the API, from the OpenAPI document; --check compares only.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const DOCUMENT = new URL("../../functions/openapi_files/openapi.json", import.meta.url);
const OUTPUT = new URL("src/schema.ts", import.meta.url);

const document = JSON.parse(await readFile(DOCUMENT, "utf8"));
const isBody = (path) => path.includes("Body");
const reference = (name) => ts.factory.createTypeReferenceNode(name);

const types = await openapiTS(document, {
  alphabetize: true,
  defaultNonNullable: false,
  transform: (schema, { path = "" }) => {
    // What is a number in JSON and may have more digits than a binary float is not a number here.
    if (schema.type === "number") return reference(isBody(path) ? "DecimalInput" : "DecimalText");
    // What the document says in words, as generators of other clients have no type for it.
    if (path.endsWith("/EventMetadataBody")) return reference("EventMetadata");
    if (path.endsWith("/MetadataBody")) return reference("Metadata");
  },
  inject: 'import type { DecimalInput, DecimalText, EventMetadata, Metadata } from "./json.js";\n',
});

/** The names of the answers' decimals, wherever they stand. */
function decimals(schema, name, found) {
  if (schema?.type === "number") found.add(name);
  for (const [key, value] of Object.entries(schema?.properties ?? {})) decimals(value, key, found);
  for (const value of [...(schema?.anyOf ?? []), schema?.items]) if (value) decimals(value, name, found);
  return found;
}
const names = Object.entries(document.components.schemas)
  .filter(([name]) => !isBody(name))
  .flatMap(([name, schema]) => [...decimals(schema, name, new Set())]);

/** The routes that take an Idempotency-Key, so that they may be sent again. */
const keyed = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations)
    .filter(([, operation]) => operation.parameters?.some(({ name }) => name === "Idempotency-Key"))
    .map(([method]) => `${method.toUpperCase()} ${path}`),
);

const list = (values) => JSON.stringify([...new Set(values)].sort(), null, 2).replace(/"\n\]/, '",\n]');
const written = `// Made from functions/openapi_files/openapi.json by npm run generate: change it there.
${astToString(types)}
/** The fields of answers that are decimals. */
export const DECIMALS: ReadonlySet<string> = /* @__PURE__ */ new Set(${list(names)});

/** The routes that take an \`Idempotency-Key\`. */
export const KEYED: ReadonlySet<string> = /* @__PURE__ */ new Set(${list(keyed)});
`;

if (!process.argv.includes("--check")) await writeFile(OUTPUT, written);
else if ((await readFile(OUTPUT, "utf8")) !== written) {
  console.error("src/schema.ts is not what the OpenAPI document says: npm run generate");
  process.exitCode = 1;
}
