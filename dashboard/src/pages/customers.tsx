import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLoad, useSettled } from "../loading";
import { Button } from "../parts/actions";
import { announce } from "../parts/announcements";
import { CustomerForm } from "../parts/customer_form";
import { SearchField } from "../parts/forms";
import { Await, Card, Dialog, Empty, Page } from "../parts/layout";
import { Pager, Table } from "../parts/table";
import { go, href, replace } from "../router";
import { useSession } from "../session";
import type { Customer, List } from "../shapes";
import { ago, full } from "../times";

const PAGE_SIZE = 20;
const TYPING_MILLISECONDS = 250;

export function CustomersPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api } = useSession();
  const [adding, setAdding] = useState(false);
  const [text, setText] = useState(query.get("query") ?? "");
  const settled = useSettled(text, TYPING_MILLISECONDS);
  const sorting = query.get("sorting") ?? "-created_at";
  const page = Number(query.get("page") ?? 1);
  const show = (terms: Record<string, string | number>): void =>
    replace(href(["customers"], { query: settled, sorting, page, ...terms }));
  useEffect(() => {
    if (settled !== (query.get("query") ?? "")) show({ query: settled, page: 1 });
  }, [settled]);
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
            data.items.length === 0 ? (
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
                      show: (customer) => (
                        <time dateTime={customer.created_at} title={full(customer.created_at)}>
                          {ago(customer.created_at)}
                        </time>
                      ),
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
