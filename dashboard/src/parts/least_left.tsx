// Who is about to run dry: the customers of a meter, those with the least left first.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useRead } from "../data/query";
import type { Meter } from "../data/shapes";
import { href } from "../router";
import { hasCredits, leftAlone, titleOf, unitOf } from "../text/meters";
import { t } from "../text/words";
import { Await } from "./await";
import { Card, Empty } from "./page";
import { Lasts } from "./ranked_columns";
import { Named, Table } from "./table";

const FRESH_MILLISECONDS = 30_000;
const MOST_CUSTOMERS = 6;

export function LeastLeft({ meters }: { meters: Meter[] }): JSX.Element | null {
  const credits = meters.filter(hasCredits);
  const [chosen, setChosen] = useState("");
  const meter = credits.find(({ id }) => id === chosen) ?? credits[0];
  const found = useRead(
    "/v1/meters/{id}/customers",
    { path: { id: meter?.id ?? "" }, query: { limit: MOST_CUSTOMERS } },
    { every: FRESH_MILLISECONDS, skip: !meter, keep: true },
  );
  if (!meter) return null;
  return (
    <Card
      title={t("Least left")}
      flush
      actions={
        <div class="controls">
          {credits.length > 1 && (
            <select
              aria-label={t("Meter of what is left")}
              value={meter.id}
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {credits.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </select>
          )}
          <a href={href(["customers"], { meter: meter.id })}>{t("All balances")}</a>
        </div>
      }
    >
      <Await of={found}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="customers" title={t("Nobody has used it yet")} />
          ) : (
            <Table
              caption={t("Customers with the least left")}
              rows={items}
              keyOf={(one) => one.id}
              linkOf={(one) => href(["customers", one.customer_id])}
              columns={[
                {
                  name: t("Customer"),
                  show: (one) => <Named name={titleOf(one.customer)} below={one.customer.email} />,
                },
                {
                  name: t("Left ({unit})", { unit: unitOf(meter) || t("credits") }),
                  number: true,
                  show: (one) => (
                    <span class={one.balance.gt(0) ? "over" : ""}>{leftAlone(one.meter, one)}</span>
                  ),
                },
                { name: t("Lasts about"), number: true, show: (one) => <Lasts balance={one} /> },
              ]}
            />
          )
        }
      </Await>
    </Card>
  );
}
