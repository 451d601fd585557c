import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { csv } from "../src/data/csv";
import { rates } from "../src/text/forecast";
import {
  Big,
  changed,
  exact,
  readJson,
  rounded,
  short,
  ticks,
  tooLong,
  typed,
  writeJson,
} from "../src/text/numbers";
import { change, type Marks } from "../src/text/settings";

afterEach(() => change({ numbers: "auto" }));

test("numbers keep all their digits from JSON and back", () => {
  const text = '{"units":123456789012345.123456789,"more":[1e-9,-0.10]}';
  assert.equal(writeJson(readJson(text)), '{"units":123456789012345.123456789,"more":[0.000000001,-0.1]}');
});

const written: [Marks, string][] = [
  ["point", "−1,234,567.000000001"],
  ["comma", "−1.234.567,000000001"],
  ["space", "−1\u202f234\u202f567,000000001"],
  ["apostrophe", "−1’234’567.000000001"],
];
for (const [numbers, text] of written) {
  test(`a number is read as it is written with ${numbers}`, () => {
    change({ numbers });
    const number = new Big("-1234567.000000001");
    assert.equal(exact(number), text);
    assert.ok(typed(text)?.eq(number));
  });
}

const amounts: [Marks, string, string | null][] = [
  ["point", "1.000", "1"],
  ["point", "1,000", "1000"],
  ["point", "10,5", null],
  ["point", "1,00", null],
  ["point", "1 000.5", "1000.5"],
  ["comma", "1.000", "1000"],
  ["comma", "10,5", "10.5"],
  ["comma", "10.5", null],
  ["comma", "1.000,5", "1000.5"],
  ["point", "1e3", null],
  ["point", "ten", null],
  ["point", "", null],
];
for (const [numbers, text, amount] of amounts) {
  test(`with ${numbers}, “${text}” is ${amount}`, () => {
    change({ numbers });
    assert.equal(typed(text)?.toFixed() ?? null, amount);
  });
}

test("more digits than are kept are told by their side", () => {
  assert.equal(tooLong(new Big("123456789012345.123456789")), null);
  assert.equal(tooLong(new Big("1234567890123456")), "whole");
  assert.equal(tooLong(new Big("0.1234567891")), "fraction");
});

test("an average is shown to three digits, and an axis in short", () => {
  assert.equal(rounded(new Big(10).div(3)), "3.333");
  assert.equal(rounded(new Big("0.00012345")), "0.000123");
  assert.equal(rounded(new Big(0)), "0");
  change({ numbers: "comma" });
  assert.equal(short(1_200_000), "1,2M");
});

for (const [low, high] of [
  [0, 1],
  [0, 0.003],
  [-5, 12],
  [0, 123_456_789],
  [-1, 0],
] as const) {
  test(`ticks from ${low} to ${high} enclose both, at even steps, and are few`, () => {
    const marks = ticks(low, high);
    assert.ok((marks[0] ?? 1) <= low && (marks.at(-1) ?? 0) >= high, String(marks));
    assert.ok(marks.includes(0));
    assert.ok(marks.length >= 2 && marks.length <= 8, String(marks));
  });
}

test("a change is told in percent, of something only", () => {
  assert.equal(changed(new Big(50), new Big(75)), "+50 %");
  assert.equal(changed(new Big(50), new Big(25)), "−50 %");
  assert.equal(changed(new Big(0), new Big(25)), null);
});

test("credits last as long as they do at the rates of a week and of a month", () => {
  const used = Array.from({ length: 30 }, (_, day) => new Big(day < 23 ? 0 : 10));
  const [week, month] = rates(used, new Big(100));
  assert.equal(week?.perDay.toFixed(), "10");
  assert.equal(week?.lasts?.toFixed(), "10");
  assert.equal(month?.lasts?.toFixed(), "42");
  assert.equal(rates([new Big(0)], new Big(100))[0]?.lasts, null);
});

test("a file has exact numbers, and nothing that a spreadsheet would calculate", () => {
  const rows = [
    { name: "=1+1", units: new Big("-1234.5") },
    { name: 'a "b", c', units: null },
  ];
  const columns = [
    { name: "Name", value: (row: (typeof rows)[0]) => row.name },
    { name: "Units", value: (row: (typeof rows)[0]) => row.units },
  ];
  assert.equal(csv(columns, rows as never), 'Name,Units\r\n\'=1+1,-1234.5\r\n"a ""b"", c",\r\n');
});
