// The first and the last day of a period, each chosen by itself.
import type { JSX } from "preact";
import type { Period } from "../text/ranges";
import { t } from "../text/words";

interface DateRangeProps {
  period: Period;
  set(changed: Partial<Period>): void;
}

export function DateRange({ period, set }: DateRangeProps): JSX.Element {
  return (
    <>
      <input
        type="date"
        aria-label={t("From")}
        value={period.from}
        onChange={(event) => set({ from: event.currentTarget.value })}
      />
      <input
        type="date"
        aria-label={t("To")}
        value={period.to}
        onChange={(event) => set({ to: event.currentTarget.value })}
      />
    </>
  );
}
