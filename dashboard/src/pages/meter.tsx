import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Meter } from "../data/shapes";
import { Button, Copyable, Menu } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { Await } from "../parts/await";
import { CustomerBalances } from "../parts/customer_balances";
import { Dialog } from "../parts/dialog";
import { decides, LIMITS } from "../parts/limits_field";
import { ArchiveMeter, EditMeter } from "../parts/meter_form";
import { Card, Page } from "../parts/page";
import { Progress } from "../parts/progress";
import { RankedCustomers } from "../parts/ranked";
import { unitText } from "../parts/unit_field";
import { Usage } from "../parts/usage";
import { amend, href } from "../router";
import { describe, describeAggregation, describeFilter, hasCredits, isCounting } from "../text/meters";
import { describeThreshold } from "../text/thresholds";
import { t } from "../text/words";

const COUNTING_MILLISECONDS = 2_000;
const FRESH_MILLISECONDS = 15_000;

export function MeterPage({ id, query }: { id: string; query: URLSearchParams }): JSX.Element {
  const [counting, setCounting] = useState(false);
  const found = useRead(
    "/v1/meters/{id}",
    { path: { id } },
    { every: counting ? COUNTING_MILLISECONDS : FRESH_MILLISECONDS },
  );
  const meter = found.data;
  if (meter && isCounting(meter) !== counting) setCounting(isCounting(meter));
  const open = (name: string) => () => amend({ open: name });
  return (
    <Page
      title={meter?.name ?? t("Meter")}
      above={<a href={href(["meters"])}>{t("Meters")}</a>}
      below={
        meter && (
          <>
            {describe(meter)} {meter.archived_at && <span class="badge">{t("archived")}</span>}
          </>
        )
      }
      actions={
        meter && (
          <>
            <Button needs="meters:write" onClick={open("edit")}>
              {t("Edit")}
            </Button>
            <Menu label={t("More actions")}>
              <Button
                kind={meter.archived_at ? "plain" : "danger"}
                needs="meters:write"
                onClick={open("archive")}
              >
                {meter.archived_at ? t("Bring back") : t("Archive")}
              </Button>
            </Menu>
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
            <Usage title={t("Quantities")} meters={[meter]} detailed />
            <div class="columns">
              <Card title={t("Customers")} flush>
                {hasCredits(meter) ? <RankedCustomers meter={meter} /> : <CustomerBalances meter={meter} />}
              </Card>
              <Definition meter={meter} />
            </div>
            <Open name={query.get("open")} meter={meter} />
          </>
        )}
      </Await>
    </Page>
  );
}

/** The form that the address says is open. */
function Open({ name, meter }: { name: string | null; meter: Meter }): JSX.Element | null {
  const { refresh } = useSession();
  const close = (): void => amend({ open: "" });
  const done = (text: string) => (): void => {
    close();
    announce(text);
    void refresh();
  };
  switch (name) {
    case "edit":
      return (
        <Dialog title={t("Edit meter")} onClose={close}>
          <EditMeter meter={meter} onCancel={close} onDone={done(t("Saved"))} />
        </Dialog>
      );
    case "archive":
      return (
        <Dialog title={meter.archived_at ? t("Bring back meter") : t("Archive meter")} onClose={close}>
          <ArchiveMeter
            meter={meter}
            onCancel={close}
            onDone={done(meter.archived_at ? t("The meter counts again") : t("The meter is archived"))}
          />
        </Dialog>
      );
    default:
      return null;
  }
}

function Definition({ meter }: { meter: Meter }): JSX.Element {
  return (
    <Card title={t("Definition")}>
      <dl class="facts">
        <dt>{t("Measures")}</dt>
        <dd>{describeAggregation(meter.aggregation)}</dd>
        <dt>{t("Of events where")}</dt>
        <dd>{describeFilter(meter.filter)}</dd>
        <dt>{t("Unit")}</dt>
        <dd>{unitText(meter)}</dd>
        {decides(meter.aggregation.func) && (
          <>
            <dt>{t("Limits spending")}</dt>
            <dd>{t(LIMITS[meter.limits_spending].label)}</dd>
          </>
        )}
        {meter.thresholds.length > 0 && (
          <>
            <dt>{t("Thresholds")}</dt>
            <dd>
              {meter.thresholds.map((one) => describeThreshold(meter, one)).join(", ")}{" "}
              <a href={href(["alerts"], { meter_id: meter.id })}>{t("Alerts")}</a>
            </dd>
          </>
        )}
        {meter.group_by.length > 0 && (
          <>
            <dt>{t("Broken down by")}</dt>
            <dd>{meter.group_by.join(", ")}</dd>
          </>
        )}
        <dt>{t("The past")}</dt>
        <dd>
          <Progress meter={meter} brief />
        </dd>
        <dt>ID</dt>
        <dd>
          <Copyable what={t("id")} text={meter.id} />
        </dd>
        <dt>{t("Created")}</dt>
        <dd>
          <Ago time={meter.created_at} />
        </dd>
      </dl>
      <p>
        <a href={href(["events"], { meter_id: meter.id })}>{t("Events that it counts")}</a>
      </p>
    </Card>
  );
}
