// Whatever colour an organization has, what is written in it can be read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contrast, readable } from "../src/portal/colour";

const LIGHT = ["#ffffff", "#f7f5f1", "#f2efe9"];
const DARK = ["#11100f", "#171614", "#1d1c1a", "#292724"];
const STEPS = ["00", "33", "66", "99", "cc", "ff"];

test("contrast is that of WCAG", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#777777", "#ffffff").toFixed(2), "4.48");
});

test("every colour becomes one that has the contrast of AA on every ground of a theme", () => {
  for (const r of STEPS)
    for (const g of STEPS)
      for (const b of STEPS)
        for (const grounds of [LIGHT, DARK]) {
          const found = readable(`#${r}${g}${b}`, grounds);
          for (const ground of grounds) assert.ok(contrast(found, ground) >= 4.5, `${found} on ${ground}`);
        }
});

test("a colour that can be read stays as it is", () => {
  assert.equal(readable("#1d4f6d", LIGHT), "#1d4f6d");
  assert.equal(readable("#ffe9a8", DARK), "#ffe9a8");
});
