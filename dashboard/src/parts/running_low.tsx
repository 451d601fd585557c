// Who runs low now: the alerts that are reached, the latest first.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Meter } from "../data/shapes";
import { href } from "../router";
import { counted, t } from "../text/words";
import { AlertTable, alertColumns } from "./alert_table";
import { Await } from "./await";
import { Icon } from "./icons";
import { Card } from "./page";

const FRESH_MILLISECONDS = 15_000;
const MOST_SHOWN = 5;

export function RunningLow({ meters }: { meters: Meter[] }): JSX.Element | null {
  const { allows } = useSession();
  const watched = meters.some((meter) => meter.thresholds.length > 0);
  const found = useRead(
    "/v1/alerts/",
    { query: { state: ["reached"], limit: MOST_SHOWN } },
    { every: FRESH_MILLISECONDS, skip: !allows("alerts:read") },
  );
  // Without thresholds nobody is told of anything: that is no news.
  const alerts = found.data?.pagination.total_count;
  if (!allows("alerts:read") || (!watched && !alerts?.gt(0))) return null;
  const { customer, threshold, left, since } = alertColumns(
    new Map(meters.map((meter) => [meter.id, meter])),
  );
  return (
    <Card title={t("Running low")} flush actions={<a href={href(["alerts"])}>{t("All alerts")}</a>}>
      <Await of={found} lines={2}>
        {({ items, pagination }) =>
          items.length === 0 ? (
            <p class="quiet-line">
              <Icon name="check" /> {t("Nobody: no balance is at a threshold.")}
            </p>
          ) : (
            <>
              <AlertTable
                caption={t("Running low")}
                alerts={items}
                columns={[customer, threshold, left, since]}
              />
              {pagination.total_count.gt(items.length) && (
                <p class="hint">{counted(pagination.total_count, "{n} alert in all", "{n} alerts in all")}</p>
              )}
            </>
          )
        }
      </Await>
    </Card>
  );
}
