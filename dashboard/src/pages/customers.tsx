import type { JSX } from "preact";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Customer, List, Meter } from "../data/shapes";
import { useTypedQuery } from "../data/typed_query";
import { Button } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { Await, Cut } from "../parts/await";
import { CustomerForm } from "../parts/customer_form";
import { Dialog } from "../parts/dialog";
import { SearchField } from "../parts/forms";
import { Absent, Card, Empty, Page } from "../parts/page";
import { CsvButton, Pager } from "../parts/pager";
import { RankedCustomers } from "../parts/ranked";
import { type Column, Named, Table } from "../parts/table";
import { amend, go, href, pageOf } from "../router";
import { emailOf, hasCredits, titleOf } from "../text/meters";
import { t } from "../text/words";

const PAGE_SIZE = 20;
const NOUN = ["{n} customer", "{n} customers"] as const;

export function CustomersPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { allows } = useSession();
  const meters = useRead("/v1/meters/", { query: { limit: 100 } }, { skip: !allows("meters:read") });
  const credits = meters.data?.items.filter(hasCredits) ?? [];
  const meter = credits.find(({ id }) => id === query.get("meter"));
  const adding = query.get("open") === "add";
  const close = (): void => amend({ open: "" });
  const add = (
    <Button kind="primary" icon="plus" needs="customers:write" onClick={() => amend({ open: "add" })}>
      {t("Add customer")}
    </Button>
  );
  const list = meter ? (
    <>
      <div class="toolbar">
        <Sources credits={credits} chosen={meter.id} />
      </div>
      <RankedCustomers meter={meter} />
    </>
  ) : (
    <Everybody
      query={query}
      sources={<Sources credits={credits} chosen="" />}
      add={adding ? undefined : add}
    />
  );
  return (
    <Page title={t("Customers")} actions={add}>
      <Card flush>
        {query.get("meter") && allows("meters:read") ? (
          // Whose balances they are is known first: a list of everybody would be given up at once.
          <Await of={meters} lines={8}>
            {() => list}
          </Await>
        ) : (
          list
        )}
        <Cut shown={meters.data?.items.length ?? 0} of={meters.data?.pagination.total_count} />
      </Card>
      {adding && (
        <Dialog title={t("Add customer")} onClose={close}>
          <CustomerForm
            onCancel={close}
            onDone={(customer) => {
              announce(t("{name} was added", { name: titleOf(customer) }));
              go(href(["customers", customer.id]));
            }}
          />
        </Dialog>
      )}
    </Page>
  );
}

/** Everybody, or those who have used a meter, with what they have left of it. */
function Sources({ credits, chosen }: { credits: Meter[]; chosen: string }): JSX.Element | null {
  if (credits.length === 0) return null;
  return (
    <select
      aria-label={t("Which customers")}
      value={chosen}
      onChange={(event) =>
        amend({
          meter: event.currentTarget.value,
          query: "",
          sorting: "",
          page: "",
          status: "",
          after: "",
          low: "",
        })
      }
    >
      <option value="">{t("Everybody")}</option>
      {credits.map((one) => (
        <option key={one.id} value={one.id}>
          {t("Balances of {meter}", { meter: one.name })}
        </option>
      ))}
    </select>
  );
}

interface EverybodyProps {
  query: URLSearchParams;
  sources: JSX.Element;
  add: JSX.Element | undefined;
}

function Everybody({ query, sources, add }: EverybodyProps): JSX.Element {
  const { api } = useSession();
  const { text, setText, asked } = useTypedQuery(query);
  const sorting = query.get("sorting") ?? "-created_at";
  const page = pageOf(query);
  const terms = { query: asked, sorting: [sorting] };
  const found = useRead("/v1/customers/", { query: { ...terms, page, limit: PAGE_SIZE } }, { keep: true });
  const load = (page: number, limit: number): Promise<List<Customer>> =>
    reading(api, "/v1/customers/", { query: { ...terms, page, limit } }).queryFn({
      signal: new AbortController().signal,
    });
  const columns = columnsOf();
  return (
    <>
      <div class="toolbar">
        <SearchField
          label={t("Search customers")}
          placeholder={t("Email, name or external id")}
          value={text}
          onChange={setText}
        />
        {sources}
      </div>
      <Await of={found} lines={8}>
        {(data) =>
          data.pagination.total_count.eq(0) ? (
            asked ? (
              <Empty icon="search" title={t("Nobody matches “{text}”", { text: asked })}>
                {t("Search looks at emails, names and external ids.")}
              </Empty>
            ) : (
              <Empty icon="customers" title={t("No customers yet")} action={add}>
                {t("Add the first one here, or let your own code create them through the API.")}
              </Empty>
            )
          ) : (
            <>
              <Table
                caption={t("Customers")}
                rows={data.items}
                keyOf={(customer) => customer.id}
                linkOf={(customer) => href(["customers", customer.id])}
                sorting={sorting}
                onSort={(sorting) => amend({ sorting, page: "" })}
                columns={columns}
              />
              <Pager
                page={page}
                pagination={data.pagination}
                noun={NOUN}
                file={<CsvButton name={t("customers")} columns={columns} load={load} />}
              />
            </>
          )
        }
      </Await>
    </>
  );
}

function columnsOf(): Column<Customer>[] {
  return [
    {
      name: t("Name"),
      sort: "name",
      show: (customer) => <Named name={titleOf(customer)} />,
      csv: (customer) => customer.name,
    },
    {
      name: t("Email"),
      sort: "email",
      show: (customer) => emailOf(customer),
      csv: (customer) => emailOf(customer),
    },
    {
      name: t("External ID"),
      show: (customer) => (customer.external_id === null ? <Absent /> : <code>{customer.external_id}</code>),
      csv: (customer) => customer.external_id,
    },
    {
      name: t("Created"),
      sort: "created_at",
      number: true,
      show: (customer) => <Ago time={customer.created_at} />,
      csv: (customer) => customer.created_at,
    },
  ];
}
