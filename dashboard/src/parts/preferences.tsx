// How the dashboard writes: language, numbers, dates, zone and theme, kept in this browser.
import type { JSX } from "preact";
import { Big, exact } from "../text/numbers";
import { change, LANGUAGES, MARKS, type Marks, type Settings, useSettings } from "../text/settings";
import { full, zones } from "../text/times";
import { loadWords, type Message, t } from "../text/words";
import { SelectField } from "./forms";
import { Card } from "./page";

const EXAMPLE = "1234567.5";
const THEMES: [Settings["theme"], Message][] = [
  ["auto", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export function Preferences(): JSX.Element {
  const { language, numbers, dates, zone, theme } = useSettings();
  return (
    <Card title={t("Language and appearance")}>
      <form>
        <div class="pair-of-fields">
          <SelectField
            label={t("Language")}
            value={language}
            onChange={(language) => {
              change({ language: language as Settings["language"] });
              // What is on the screen is said anew, once the words are there.
              void loadWords().then(() => change({}));
            }}
            options={[
              { value: "auto", label: t("As the browser") },
              ...Object.entries(LANGUAGES).map(([value, label]) => ({ value, label })),
            ]}
          />
          <SelectField
            label={t("Numbers")}
            value={numbers}
            onChange={(numbers) => change({ numbers: numbers as Settings["numbers"] })}
            options={[
              { value: "auto", label: t("As the language") },
              ...(Object.keys(MARKS) as Marks[]).map((value) => ({ value, label: written(value) })),
            ]}
            hint={t("As here: {example}. Amounts are typed with the same decimal mark.", {
              example: exact(new Big(EXAMPLE)),
            })}
          />
        </div>
        <div class="pair-of-fields">
          <SelectField
            label={t("Dates")}
            value={dates}
            onChange={(dates) => change({ dates: dates as Settings["dates"] })}
            options={[
              { value: "auto", label: t("As the language") },
              { value: "iso", label: "2026-11-29" },
            ]}
            hint={full(new Date().toISOString())}
          />
          <SelectField
            label={t("Time zone")}
            value={zone}
            onChange={(zone) => change({ zone })}
            options={[
              { value: "", label: t("As the organization, or the browser") },
              ...zones().map((value) => ({ value, label: value })),
            ]}
          />
        </div>
        <div class="segments" role="group" aria-label={t("Theme")}>
          {THEMES.map(([value, label]) => (
            <button
              type="button"
              key={value}
              aria-pressed={value === theme}
              onClick={() => change({ theme: value })}
            >
              {t(label)}
            </button>
          ))}
        </div>
        <p class="hint">{t("Kept in this browser.")}</p>
      </form>
    </Card>
  );
}

/** A number as it would be written. */
function written(marks: Marks): string {
  const { group, decimal } = MARKS[marks];
  return `1${group}234${group}567${decimal}5`;
}
