import type { JSX } from "preact";
import { exact } from "../numbers";
import type { Meter } from "../shapes";

/** How far a meter has counted what happened before it was made. */
export function Progress({ meter, brief }: { meter: Meter; brief?: boolean }): JSX.Element {
  const { backfill } = meter;
  if (meter.archived_at) return <span class="badge">stopped</span>;
  if (!backfill || backfill.complete) return <span class="badge good">counted</span>;
  const total = backfill.total_ledgers;
  const share = total?.gt(0) ? Math.min(1, backfill.ledgers.div(total).toNumber()) : 0;
  const percent = `${Math.floor(100 * share)}%`;
  if (brief) return <span class="badge">counting, {percent}</span>;
  return (
    <div class="progress">
      <progress aria-label="Counting the past" max={1} value={share} />
      <p>
        Counting the past: {exact(backfill.ledgers)} {total !== null && `of about ${exact(total)} `}customers,{" "}
        {exact(backfill.events)} events so far. Until then balances say that they are incomplete, and spends wait.
      </p>
    </div>
  );
}
