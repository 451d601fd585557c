import type { JSX } from "preact";
import type { Meter } from "../data/shapes";
import { exact } from "../text/numbers";
import { t } from "../text/words";
import "./progress.css";

/** How far a meter has counted what happened before it was made. */
export function Progress({ meter, brief }: { meter: Meter; brief?: boolean }): JSX.Element {
  const { backfill } = meter;
  if (meter.archived_at) return <span class="badge">{t("stopped")}</span>;
  if (!backfill || backfill.complete) return <span class="badge good">{t("counted")}</span>;
  const { total_ledgers: total, ledgers, events } = backfill;
  const share = total?.gt(0) ? Math.min(1, ledgers.div(total).toNumber()) : 0;
  if (brief)
    return <span class="badge">{t("counting, {percent} %", { percent: Math.floor(100 * share) })}</span>;
  const values = { n: exact(ledgers), total: total ? exact(total) : "", events: exact(events) };
  return (
    <div class="progress">
      <progress aria-label={t("Counting the past")} max={1} value={share} />
      <p>
        {total
          ? t("Counting the past: {n} of about {total} customers, {events} events so far.", values)
          : t("Counting the past: {n} customers, {events} events so far.", values)}{" "}
        {t("Until then balances say that they are incomplete, and spends wait.")}
      </p>
    </div>
  );
}
