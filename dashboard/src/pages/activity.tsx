import type { JSX } from "preact";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Activity, List } from "../data/shapes";
import { ACTIONS, ActivityTable, activityColumns, inFull } from "../parts/activity";
import { Await } from "../parts/await";
import { Card, Empty, Notice, Page } from "../parts/page";
import { CsvButton, Pager } from "../parts/pager";
import { amend, href, pageOf } from "../router";
import { t } from "../text/words";

const PAGE_SIZE = 20;
const MOST_METERS = 100;
const NOUN = ["{n} action", "{n} actions"] as const;

export function ActivityPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api, queries, allows } = useSession();
  const page = pageOf(query);
  const action = query.get("action") ?? "";
  const terms = action in ACTIONS ? { action: [action] } : {};
  const found = useRead(
    "/v1/activity/",
    { query: { ...terms, page, limit: PAGE_SIZE } },
    { skip: !allows("activity:read"), keep: true },
  );
  const meters = useRead("/v1/meters/", { query: { limit: MOST_METERS } }, { skip: !allows("meters:read") });
  const load = (page: number, limit: number): Promise<List<Activity>> =>
    queries.fetchQuery(reading(api, "/v1/activity/", { query: { ...terms, page, limit } }));
  return (
    <Page title={t("Who did what")} above={<a href={href(["settings"])}>{t("Settings")}</a>}>
      <Card flush>
        {!allows("activity:read") ? (
          <Notice>{t("Your token lacks the scope {scope}.", { scope: "activity:read" })}</Notice>
        ) : (
          <>
            <div class="toolbar">
              <select
                aria-label={t("Which actions")}
                value={action}
                onChange={(event) => amend({ action: event.currentTarget.value, page: "" })}
              >
                <option value="">{t("All actions")}</option>
                {Object.entries(ACTIONS).map(([value, label]) => (
                  <option key={value} value={value}>
                    {t(label)}
                  </option>
                ))}
              </select>
            </div>
            <Await of={found}>
              {(data) =>
                data.items.length === 0 ? (
                  <Empty icon="settings" title={t("Nobody has done this yet")} />
                ) : (
                  <>
                    <ActivityTable activities={data.items} meters={meters.data?.items ?? []} />
                    <Pager
                      page={page}
                      pagination={data.pagination}
                      noun={NOUN}
                      file={
                        <CsvButton
                          name={t("Who did what")}
                          columns={[...activityColumns([]), inFull]}
                          load={load}
                        />
                      }
                    />
                  </>
                )
              }
            </Await>
          </>
        )}
      </Card>
    </Page>
  );
}
