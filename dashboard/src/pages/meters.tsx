import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLoad, useSettled } from "../loading";
import { describeAggregation, describeFilter } from "../meters";
import { Button } from "../parts/actions";
import { SearchField } from "../parts/forms";
import { Await, Card, Empty, Page } from "../parts/layout";
import { Progress } from "../parts/progress";
import { Pager, Table } from "../parts/table";
import { go, href, replace } from "../router";
import { useSession } from "../session";
import type { List, Meter } from "../shapes";

const PAGE_SIZE = 20;
const FRESH_MILLISECONDS = 10_000;

export function MetersPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api } = useSession();
  const archived = query.get("is_archived") === "true";
  const [text, setText] = useState("");
  const page = Number(query.get("page") ?? 1);
  const settled = useSettled(text.trim(), 250);
  const show = (page: number): void => replace(href(["meters"], { is_archived: query.get("is_archived"), page }));
  const found = useLoad(
    (signal) =>
      api.get<List<Meter>>(
        "v1/meters/",
        { query: settled, is_archived: archived, page, limit: PAGE_SIZE },
        signal,
      ),
    [settled, archived, page],
    { every: FRESH_MILLISECONDS },
  );
  const create = (
    <Button kind="primary" icon="plus" needs="meters:write" onClick={() => go(href(["meters", "new"]))}>
      Create meter
    </Button>
  );
  return (
    <Page title="Meters" actions={create}>
      <Card flush>
        <div class="toolbar">
          <SearchField
            label="Search meters"
            placeholder="Name"
            value={text}
            onChange={(value) => {
              setText(value);
              show(1);
            }}
          />
          <nav class="segments" aria-label="Which meters">
            <a href={href(["meters"])} aria-current={archived ? undefined : "true"}>
              Active
            </a>
            <a href={href(["meters"], { is_archived: "true" })} aria-current={archived ? "true" : undefined}>
              Archived
            </a>
          </nav>
        </div>
        <Await of={found}>
          {(data) =>
            data.pagination.total_count.eq(0) ? (
              <Empty
                icon="meters"
                title={settled ? `No meter matches “${settled}”` : archived ? "Nothing is archived" : "No meters yet"}
                action={settled || archived ? undefined : create}
              >
                {settled || archived
                  ? ""
                  : "A meter says which events count, and how. Credits are kept for each meter and customer."}
              </Empty>
            ) : (
              <>
                <Table
                  caption="Meters"
                  rows={data.items}
                  keyOf={(meter) => meter.id}
                  columns={[
                    {
                      name: "Meter",
                      show: (meter) => (
                        <a class="strong" href={href(["meters", meter.id])}>
                          {meter.name}
                        </a>
                      ),
                    },
                    { name: "Measures", show: (meter) => describeAggregation(meter.aggregation) },
                    {
                      name: "Of events where",
                      show: (meter) => <span class="clip">{describeFilter(meter.filter)}</span>,
                    },
                    { name: "Past", show: (meter) => <Progress meter={meter} brief /> },
                  ]}
                />
                <Pager page={page} pagination={data.pagination} onPage={show} what="meter" />
              </>
            )
          }
        </Await>
      </Card>
    </Page>
  );
}
