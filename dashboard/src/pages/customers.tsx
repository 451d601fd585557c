import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLoad, useSettled } from "../loading";
import { Button } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { CustomerForm } from "../parts/customer_form";
import { SearchField } from "../parts/forms";
import { Await, Card, Dialog, Empty, Page } from "../parts/layout";
import { Pager, Table } from "../parts/table";
import { go, href, replace } from "../router";
import { useSession } from "../session";
import type { Customer, List } from "../shapes";

const PAGE_SIZE = 20;
const TYPING_MILLISECONDS = 250;

export function CustomersPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api } = useSession();
  const [adding, setAdding] = useState(false);
  const asked = query.get("query") ?? "";
  const [text, setText] = useState(asked);
  const settled = useSettled(text.trim(), TYPING_MILLISECONDS);
  const sorting = query.get("sorting") ?? "-created_at";
  const page = Number(query.get("page") ?? 1);
  const show = (terms: Record<string, string | number>): void =>
    replace(href(["customers"], { query: settled, sorting, page, ...terms }));
  useEffect(() => {
    if (settled !== asked) show({ query: settled, page: 1 });
  }, [settled]);
  // The address changes by itself too: the sidebar leads back to everybody.
  useEffect(() => {
    if (settled !== asked) setText(asked);
  }, [asked]);
  const found = useLoad(
    (signal) =>
      api.get<List<Customer>>("v1/customers/", { query: settled, sorting, page, limit: PAGE_SIZE }, signal),
    [settled, sorting, page],
  );
  const add = (
    <Button kind="primary" icon="plus" needs="customers:write" onClick={() => setAdding(true)}>
      Add customer
    </Button>
  );
  return (
    <Page title="Customers" actions={add}>
      <Card flush>
        <div class="toolbar">
          <SearchField
            label="Search customers"
            placeholder="Email, name or external id"
            value={text}
            onChange={setText}
          />
        </div>
        <Await of={found} lines={8}>
          {(data) =>
            data.pagination.total_count.eq(0) ? (
              settled ? (
                <Empty icon="search" title={`Nobody matches “${settled}”`}>
                  Search looks at emails, names and external ids.
                </Empty>
              ) : (
                <Empty icon="customers" title="No customers yet" action={adding ? undefined : add}>
                  Add the first one here, or let your own code create them through the API.
                </Empty>
              )
            ) : (
              <>
                <Table
                  caption="Customers"
                  rows={data.items}
                  keyOf={(customer) => customer.id}
                  sorting={sorting}
                  onSort={(sorting) => show({ sorting, page: 1 })}
                  columns={[
                    {
                      name: "Email",
                      sort: "email",
                      show: (customer) => (
                        <a class="strong" href={href(["customers", customer.id])}>
                          {customer.email}
                        </a>
                      ),
                    },
                    { name: "Name", sort: "name", show: (customer) => customer.name ?? <Absent /> },
                    {
                      name: "External ID",
                      show: (customer) =>
                        customer.external_id === null ? <Absent /> : <code>{customer.external_id}</code>,
                    },
                    {
                      name: "Created",
                      sort: "created_at",
                      show: (customer) => <Ago time={customer.created_at} />,
                    },
                  ]}
                />
                <Pager page={page} pagination={data.pagination} onPage={(page) => show({ page })} what="customer" />
              </>
            )
          }
        </Await>
      </Card>
      {adding && (
        <Dialog title="Add customer" onClose={() => setAdding(false)}>
          <CustomerForm
            onCancel={() => setAdding(false)}
            onDone={(customer) => {
              announce(`${customer.email} was added`);
              go(href(["customers", customer.id]));
            }}
          />
        </Dialog>
      )}
    </Page>
  );
}

export function Absent(): JSX.Element {
  return (
    <span class="absent" aria-label="none">
      –
    </span>
  );
}
