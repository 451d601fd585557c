import assert from "node:assert/strict";
import { test } from "node:test";
import {
  before,
  bounds,
  fits,
  type Interval,
  intervalOf,
  lengthOf,
  periodOf,
  printed,
  whole,
} from "../src/text/ranges";
import { change } from "../src/text/settings";
import { addDays, instant, knownDay, knownZone } from "../src/text/times";

const TODAY = "2026-11-29";
const BERLIN = "Europe/Berlin";

test("a range has as many days as its name says, today included", () => {
  assert.deepEqual(periodOf("week", TODAY), { from: "2026-11-23", to: TODAY });
  assert.equal(lengthOf(periodOf("month", TODAY)), 30);
  assert.deepEqual(periodOf("year", TODAY), { from: "2025-12-01", to: TODAY });
  assert.deepEqual(periodOf("years", TODAY), { from: "2022-01-01", to: TODAY });
});

test("a range between two days is the same whichever is first, and 30 days where only one is known", () => {
  const period = { from: "2026-01-02", to: "2026-02-01" };
  assert.deepEqual(periodOf("custom", TODAY, period.from, period.to), period);
  assert.deepEqual(periodOf("custom", TODAY, period.to, period.from), period);
  assert.equal(lengthOf(periodOf("custom", TODAY, "", "2026-02-01")), 30);
});

test("the period before ends where a period begins, and is as long", () => {
  const period = periodOf("week", TODAY);
  assert.deepEqual(before(period), { from: "2026-11-16", to: "2026-11-22" });
});

const printedAs: [Interval, string][] = [
  ["day", "26 Nov 2026 – 29 Nov 2026"],
  ["week", "23 Nov 2026 – 29 Nov 2026"],
  ["month", "1 Nov 2026 – 29 Nov 2026"],
  ["year", "1 Jan 2026 – 29 Nov 2026"],
];
for (const [interval, text] of printedAs) {
  test(`figures by ${interval} stand under the whole intervals that they are of`, () => {
    assert.equal(printed(whole({ from: "2026-11-26", to: TODAY }, interval, TODAY)), text);
  });
}

test("a week that ended is printed to its end", () => {
  assert.deepEqual(whole({ from: "2026-11-03", to: "2026-11-04" }, "week", TODAY), {
    from: "2026-11-02",
    to: "2026-11-08",
  });
});

test("an interval is offered only where the API shows it, to the hour, and where it is no longer than the range", () => {
  assert.ok(fits("hour", periodOf("week", TODAY), BERLIN));
  // The clocks went back on the 25th: these seven days have 169 hours.
  assert.ok(!fits("hour", { from: "2026-10-20", to: "2026-10-26" }, BERLIN));
  assert.ok(!fits("year", periodOf("week", TODAY), BERLIN));
  assert.ok(!fits("day", periodOf("years", TODAY), BERLIN));
  assert.equal(intervalOf("year", "day", periodOf("week", TODAY), BERLIN), "day");
  assert.equal(intervalOf("nonsense", "month", periodOf("year", TODAY), BERLIN), "month");
});

test("days begin when clocks show it, in any zone, whatever clocks do", () => {
  assert.deepEqual(bounds({ from: "2026-10-25", to: "2026-10-25" }, BERLIN), {
    start_timestamp: "2026-10-24T22:00:00.000Z",
    end_timestamp: "2026-10-25T23:00:00.000Z",
  });
  assert.equal(instant("2026-07-01", "12:30", BERLIN).toISOString(), "2026-07-01T10:30:00.000Z");
  assert.equal(instant("2026-01-01", "00:00", "Pacific/Chatham").toISOString(), "2025-12-31T10:15:00.000Z");
  assert.equal(addDays("2024-02-28", 1), "2024-02-29");
});

test("what an address says and is none is left out", () => {
  change({ zone: BERLIN });
  assert.equal(knownZone("Mars/Olympus"), BERLIN);
  assert.equal(knownZone("America/New_York"), "America/New_York");
  assert.equal(knownDay("2026-13-01"), "");
  assert.equal(knownDay("yesterday"), "");
});
