// The customers of a meter that counts no credits with their values, sorted and paged as the address says.
import type { JSX } from "preact";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { CustomerMeter, List, Meter } from "../data/shapes";
import { amend, href, pageOf, useRoute } from "../router";
import { figure, scaled, titleOf, unitOf } from "../text/meters";
import { t } from "../text/words";
import { Ago } from "./ago";
import { Await } from "./await";
import { Empty, Notice } from "./page";
import { CsvButton, Pager } from "./pager";
import { type Column, Named, Table } from "./table";

const PAGE_SIZE = 20;
const NOUN = ["{n} customer", "{n} customers"] as const;

export function CustomerBalances({ meter }: { meter: Meter }): JSX.Element {
  const { api, queries, allows } = useSession();
  const { query } = useRoute();
  const page = pageOf(query);
  const sorting = query.get("sorting") ?? "-modified_at";
  const terms = { meter_id: meter.id, sorting: [sorting] };
  const found = useRead(
    "/v1/customer-meters/",
    { query: { ...terms, page, limit: PAGE_SIZE } },
    { skip: !allows("customer_meters:read"), keep: true },
  );
  if (!allows("customer_meters:read")) {
    return <Notice>{t("Your token lacks the scope {scope}.", { scope: "customer_meters:read" })}</Notice>;
  }
  const load = (page: number, limit: number): Promise<List<CustomerMeter>> =>
    queries.fetchQuery(reading(api, "/v1/customer-meters/", { query: { ...terms, page, limit } }));
  const columns = columnsOf(meter);
  return (
    <Await of={found}>
      {(data) =>
        data.pagination.total_count.eq(0) ? (
          <Empty
            icon="customers"
            title={meter.archived_at ? t("An archived meter has no balances") : t("Nobody has used it yet")}
          >
            {meter.archived_at
              ? t("Bring it back, and it counts again.")
              : t("Customers appear with their first event.")}
          </Empty>
        ) : (
          <>
            <Table
              caption={t("Customers of {meter}", { meter: meter.name })}
              rows={data.items}
              keyOf={(one) => one.id}
              linkOf={(one) => href(["customers", one.customer_id])}
              sorting={sorting}
              onSort={(sorting) => amend({ sorting, page: "" })}
              columns={columns}
            />
            <Pager
              page={page}
              pagination={data.pagination}
              noun={NOUN}
              file={<CsvButton name={t("balances")} columns={columns} load={load} />}
            />
          </>
        )
      }
    </Await>
  );
}

function columnsOf(meter: Meter): Column<CustomerMeter>[] {
  const unit = unitOf(meter);
  return [
    {
      name: t("Customer"),
      sort: "customer_name",
      show: (one) => <Named name={titleOf(one.customer)} below={one.customer.email} />,
      csv: (one) => titleOf(one.customer),
    },
    {
      name: unit ? `${t("Value")} (${unit})` : t("Value"),
      sort: "balance",
      number: true,
      show: (one) => (
        <>
          {figure(meter, one.balance)}
          {!one.complete && <span class="badge">{t("incomplete")}</span>}
        </>
      ),
      csv: (one) => scaled(meter, one.balance),
    },
    {
      name: t("Last change"),
      sort: "modified_at",
      number: true,
      show: (one) => <Ago time={one.modified_at} />,
      csv: (one) => one.modified_at,
    },
  ];
}
