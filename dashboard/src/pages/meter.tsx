import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLoad } from "../loading";
import { describe, describeAggregation, describeFilter, hasCredits, isCounting, left, nameProblem } from "../meters";
import { exact } from "../numbers";
import { Button, Copyable } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { Form, TextField, useSending } from "../parts/forms";
import { Await, Card, Dialog, Empty, Notice, Page } from "../parts/layout";
import { Progress } from "../parts/progress";
import { Pager, Table } from "../parts/table";
import { Usage } from "../parts/usage";
import { href, replace } from "../router";
import { useSession } from "../session";
import type { CustomerMeter, List, Meter } from "../shapes";

const COUNTING_MILLISECONDS = 2_000;
const FRESH_MILLISECONDS = 15_000;
const PAGE_SIZE = 20;

export function MeterPage({ id, query }: { id: string; query: URLSearchParams }): JSX.Element {
  const { api } = useSession();
  const [open, setOpen] = useState<"edit" | "archive">();
  const [counting, setCounting] = useState(false);
  const found = useLoad(
    async (signal) => {
      const meter = await api.get<Meter>(`v1/meters/${encodeURIComponent(id)}`, {}, signal);
      setCounting(isCounting(meter));
      return meter;
    },
    [id],
    { every: counting ? COUNTING_MILLISECONDS : FRESH_MILLISECONDS },
  );
  const meter = found.data;
  const close = (): void => setOpen(undefined);
  const saved = (text: string): void => {
    close();
    announce(text);
    void found.reload();
  };
  return (
    <Page
      title={meter?.name ?? "Meter"}
      above={<a href={href(["meters"])}>Meters</a>}
      below={
        meter && (
          <>
            {describe(meter)}{" "}
            {meter.archived_at && <span class="badge">archived</span>}
          </>
        )
      }
      actions={
        meter && (
          <>
            <Button needs="meters:write" onClick={() => setOpen("edit")}>
              Rename
            </Button>
            <Button kind={meter.archived_at ? "plain" : "danger"} needs="meters:write" onClick={() => setOpen("archive")}>
              {meter.archived_at ? "Bring back" : "Archive"}
            </Button>
          </>
        )
      }
    >
      <Await of={found} lines={8}>
        {(meter) => (
          <>
            {isCounting(meter) && (
              <Card>
                <Progress meter={meter} />
              </Card>
            )}
            <Usage title="Quantities" meters={[meter]} detailed />
            <div class="columns">
              <div class="main-column">
                <Customers meter={meter} query={query} />
              </div>
              <Card title="Definition">
                <dl class="facts">
                  <dt>Measures</dt>
                  <dd>{describeAggregation(meter.aggregation)}</dd>
                  <dt>Of events where</dt>
                  <dd>{describeFilter(meter.filter)}</dd>
                  <dt>The past</dt>
                  <dd>
                    <Progress meter={meter} brief />
                  </dd>
                  <dt>ID</dt>
                  <dd>
                    <Copyable what="id" text={meter.id} />
                  </dd>
                  <dt>Created</dt>
                  <dd>
                    <Ago time={meter.created_at} />
                  </dd>
                </dl>
                <p>
                  <a href={href(["events"], { meter_id: meter.id })}>Events that it counts</a>
                </p>
              </Card>
            </div>
            {open === "edit" && (
              <Dialog title="Rename meter" onClose={close}>
                <RenameForm meter={meter} onCancel={close} onDone={() => saved("Saved")} />
              </Dialog>
            )}
            {open === "archive" && (
              <Dialog title={meter.archived_at ? "Bring back meter" : "Archive meter"} onClose={close}>
                <ArchiveForm
                  meter={meter}
                  onCancel={close}
                  onDone={() => saved(meter.archived_at ? "The meter counts again" : "The meter is archived")}
                />
              </Dialog>
            )}
          </>
        )}
      </Await>
    </Page>
  );
}

function Customers({ meter, query }: { meter: Meter; query: URLSearchParams }): JSX.Element {
  const { api, allows } = useSession();
  const page = Number(query.get("page") ?? 1);
  const sorting = query.get("sorting") ?? "-modified_at";
  const found = useLoad(
    (signal) =>
      api.get<List<CustomerMeter>>(
        "v1/customer-meters/",
        { meter_id: meter.id, page, sorting, limit: PAGE_SIZE },
        signal,
      ),
    [meter.id, page, sorting],
    { skip: !allows("customer_meters:read") },
  );
  const show = (terms: Record<string, string | number>): void =>
    replace(href(["meters", meter.id], { page, sorting, ...terms }));
  const credits = hasCredits(meter);
  if (!allows("customer_meters:read")) {
    return (
      <Card title="Customers">
        <Notice>Your token lacks the scope customer_meters:read.</Notice>
      </Card>
    );
  }
  return (
    <Card title="Customers" flush>
      <Await of={found}>
        {(data) =>
          data.pagination.total_count.eq(0) ? (
            <Empty icon="customers" title={meter.archived_at ? "An archived meter has no balances" : "Nobody has used it yet"}>
              {meter.archived_at ? "Bring it back, and it counts again." : "Customers appear with their first event."}
            </Empty>
          ) : (
            <>
              <Table
                caption={`Customers of ${meter.name}`}
                rows={data.items}
                keyOf={(one) => one.id}
                sorting={sorting}
                onSort={(sorting) => show({ sorting, page: 1 })}
                columns={[
                  {
                    name: "Customer",
                    sort: "customer_name",
                    show: (one) => (
                      <a class="strong" href={href(["customers", one.customer_id])}>
                        {one.customer.name ?? one.customer.email}
                      </a>
                    ),
                  },
                  {
                    name: credits ? "Left" : "Value",
                    sort: "balance",
                    number: true,
                    show: (one) => (
                      <>
                        <span class={credits && one.balance.gt(0) ? "over" : ""}>{left(meter, one)}</span>
                        {!one.complete && <span class="badge">incomplete</span>}
                      </>
                    ),
                  },
                  ...(credits
                    ? [
                        { name: "Used", number: true, show: (one: CustomerMeter) => exact(one.used_units) },
                        { name: "Granted", number: true, show: (one: CustomerMeter) => exact(one.granted_units) },
                      ]
                    : []),
                  { name: "Last change", sort: "modified_at", number: true, show: (one) => <Ago time={one.modified_at} /> },
                ]}
              />
              <Pager page={page} pagination={data.pagination} onPage={(page) => show({ page })} what="customer" />
            </>
          )
        }
      </Await>
    </Card>
  );
}

interface ChangeProps {
  meter: Meter;
  onCancel(): void;
  onDone(): void;
}

function RenameForm({ meter, onCancel, onDone }: ChangeProps): JSX.Element {
  const { api } = useSession();
  const [name, setName] = useState(meter.name);
  const sending = useSending(["name"]);
  const wrong = nameProblem(name);
  const submit = (): void => {
    if (wrong) return;
    void sending.send(async () => {
      await api.patch(`v1/meters/${meter.id}`, { name: name.trim() });
      onDone();
    });
  };
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <TextField label="Name" value={name} maxLength={256} onChange={setName} problem={wrong || sending.at("name")} />
      <div class="form-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="meters:write">
          Save
        </Button>
      </div>
    </Form>
  );
}

function ArchiveForm({ meter, onCancel, onDone }: ChangeProps): JSX.Element {
  const { api } = useSession();
  const sending = useSending([]);
  const archived = meter.archived_at !== null;
  const submit = (): void =>
    void sending.send(async () => {
      await api.patch(`v1/meters/${meter.id}`, { is_archived: !archived });
      onDone();
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        {archived
          ? `${meter.name} counts again, and counts anew all that came before, what came while it was archived included.`
          : `${meter.name} stops counting, and leaves balances and lists. It can be brought back.`}
      </p>
      <div class="form-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind={archived ? "primary" : "danger"} busy={sending.busy} needs="meters:write">
          {archived ? "Bring back" : "Archive"}
        </Button>
      </div>
    </Form>
  );
}
