// What all sources have in common: words in every language, sizes and colours from one file.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import de from "../src/text/de";

const SOURCES = new URL("../../src/", import.meta.url);
const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter(
  (name) => /\.(tsx?|css)$/.test(name) && !name.includes("document.d.ts"),
);
const textOf = (name: string): string => readFileSync(new URL(name, SOURCES), "utf8");
const code = files
  .filter((name) => !name.endsWith(".css") && !name.endsWith("text/de.ts"))
  .map(textOf)
  .join("\n");

test("every message of a language is said somewhere", () => {
  const quoted = (message: string): boolean =>
    code.includes(JSON.stringify(message)) || code.includes(`'${message}'`);
  assert.deepEqual(
    Object.keys(de).filter((message) => !quoted(message)),
    [],
  );
});

test("a translation fills in what the message does", () => {
  const names = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [message, translated] of Object.entries(de))
    assert.deepEqual(names(translated), names(message), message);
});

test("sizes of type, weights and colours are those of the tokens, and space goes in steps of four pixels", () => {
  const wrong: string[] = [];
  for (const name of files.filter((name) => name.endsWith(".css") && !name.endsWith("tokens.css"))) {
    for (const [line, property = "", value = ""] of textOf(name).matchAll(/^\s+([a-z-]+): ([^;]+);/gm)) {
      const pixels = [...value.matchAll(/(\d+)px/g)].map(([, number]) => Number(number));
      const spaced =
        /^(padding|margin|gap|inset)/.test(property) && pixels.some((one) => one % 4 !== 0 && one !== 2);
      const sized = property === "font-size" && !/var\(--text-\d\)|em$|^inherit$|^16px$/.test(value);
      const heavy = property === "font-weight" && !/var\(--(regular|medium|bold)\)|^inherit$/.test(value);
      const coloured =
        /color|background/.test(property) && /#[0-9a-f]{3}/.test(value) && property !== "accent-color";
      if (spaced || sized || heavy || coloured) wrong.push(`${name}: ${line.trim()}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("a file is shorter than 250 lines, but for those of all words", () => {
  const long = files.filter((name) => !name.endsWith("text/de.ts") && textOf(name).split("\n").length > 250);
  assert.deepEqual(long, []);
});
