import type { JSX } from "preact";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { List, Meter } from "../data/shapes";
import { useTypedQuery } from "../data/typed_query";
import { Button } from "../parts/actions";
import { Await } from "../parts/await";
import { SearchField } from "../parts/forms";
import { Card, Empty, Page } from "../parts/page";
import { CsvButton, Pager } from "../parts/pager";
import { Progress } from "../parts/progress";
import { type Column, Named, Table } from "../parts/table";
import { go, href, pageOf } from "../router";
import { describeAggregation, describeFilter, unitOf } from "../text/meters";
import { t } from "../text/words";

const PAGE_SIZE = 20;
const FRESH_MILLISECONDS = 10_000;
const NOUN = ["{n} meter", "{n} meters"] as const;

export function MetersPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api } = useSession();
  const archived = query.get("is_archived") === "true";
  const { text, setText, asked } = useTypedQuery(query);
  const page = pageOf(query);
  const terms = { query: asked, is_archived: archived };
  const found = useRead(
    "/v1/meters/",
    { query: { ...terms, page, limit: PAGE_SIZE } },
    { every: FRESH_MILLISECONDS, keep: true },
  );
  const load = (page: number, limit: number): Promise<List<Meter>> =>
    reading(api, "/v1/meters/", { query: { ...terms, page, limit } }).queryFn({
      signal: new AbortController().signal,
    });
  const columns = columnsOf();
  const create = (
    <Button kind="primary" icon="plus" needs="meters:write" onClick={() => go(href(["meters", "new"]))}>
      {t("Create meter")}
    </Button>
  );
  return (
    <Page title={t("Meters")} actions={create}>
      <Card flush>
        <div class="toolbar">
          <SearchField label={t("Search meters")} placeholder={t("Name")} value={text} onChange={setText} />
          <nav class="segments" aria-label={t("Which meters")}>
            <a href={href(["meters"])} aria-current={archived ? undefined : "true"}>
              {t("Active")}
            </a>
            <a href={href(["meters"], { is_archived: "true" })} aria-current={archived ? "true" : undefined}>
              {t("Archived")}
            </a>
          </nav>
        </div>
        <Await of={found}>
          {(data) =>
            data.pagination.total_count.eq(0) ? (
              <Empty
                icon="meters"
                title={
                  asked
                    ? t("No meter matches “{text}”", { text: asked })
                    : archived
                      ? t("Nothing is archived")
                      : t("No meters yet")
                }
                action={asked || archived ? undefined : create}
              >
                {asked || archived
                  ? ""
                  : t(
                      "A meter says which events count, and how. Credits are kept for each meter and customer.",
                    )}
              </Empty>
            ) : (
              <>
                <Table
                  caption={t("Meters")}
                  rows={data.items}
                  keyOf={(meter) => meter.id}
                  linkOf={(meter) => href(["meters", meter.id])}
                  columns={columns}
                />
                <Pager
                  page={page}
                  pagination={data.pagination}
                  noun={NOUN}
                  file={<CsvButton name={t("meters")} columns={columns} load={load} />}
                />
              </>
            )
          }
        </Await>
      </Card>
    </Page>
  );
}

function columnsOf(): Column<Meter>[] {
  return [
    {
      name: t("Meter"),
      show: (meter) => <Named name={meter.name} below={unitOf(meter)} />,
      csv: ({ name }) => name,
    },
    {
      name: t("Measures"),
      show: (meter) => describeAggregation(meter.aggregation),
      csv: (meter) => describeAggregation(meter.aggregation),
    },
    {
      name: t("Of events where"),
      show: (meter) => <span class="clip">{describeFilter(meter.filter)}</span>,
      csv: (meter) => describeFilter(meter.filter),
    },
    { name: t("Past"), show: (meter) => <Progress meter={meter} brief /> },
  ];
}
