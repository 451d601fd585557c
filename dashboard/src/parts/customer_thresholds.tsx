// One customer's own thresholds of a meter, in place of the meter's.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Customer, Meter, Thresholds } from "../data/shapes";
import { toDrafts, toThresholds } from "../data/threshold_draft";
import { titleOf } from "../text/meters";
import { describeThreshold } from "../text/thresholds";
import { t } from "../text/words";
import { Button } from "./actions";
import { announce } from "./announcements";
import { Await } from "./await";
import { Form, useSending } from "./forms";
import { Notice } from "./page";
import { NotifyCurrent, ThresholdFields } from "./threshold_fields";
import "./thresholds.css";

/** What one customer's balance of one meter is called. */
const balanceOf = (customer: Customer, meter: Meter): string => `${customer.id}.${meter.id}`;

export function useThresholds(customer: Customer, meter: Meter, every?: number) {
  const { allows } = useSession();
  return useRead(
    "/v1/customer-meters/{id}/thresholds",
    { path: { id: balanceOf(customer, meter) } },
    { every, skip: !allows("customer_meters:read") },
  );
}

/** The thresholds of a balance, each with its state. */
export function ThresholdList({ meter, found }: { meter: Meter; found: Thresholds }): JSX.Element {
  if (found.thresholds.length === 0) return <span class="absent">–</span>;
  return (
    <ul class="threshold-list">
      {found.thresholds.map((one) => (
        <li key={describeThreshold(meter, one)}>
          <span class={`badge ${one.state === "reached" ? "bad" : one.state === "ok" ? "good" : ""}`}>
            {describeThreshold(meter, one)}
            {one.state === "reached" && ` · ${t("reached")}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

interface DialogProps {
  customer: Customer;
  meter: Meter;
  onClose(): void;
}

export function CustomerThresholds({ customer, meter, onClose }: DialogProps): JSX.Element {
  const found = useThresholds(customer, meter);
  return (
    <Await of={found}>
      {(thresholds) => (
        <ThresholdsForm customer={customer} meter={meter} found={thresholds} onClose={onClose} />
      )}
    </Await>
  );
}

function ThresholdsForm({
  customer,
  meter,
  found,
  onClose,
}: DialogProps & { found: Thresholds }): JSX.Element {
  const { api, refresh } = useSession();
  const { values, set, forget } = useDraft(`thresholds/${balanceOf(customer, meter)}`, () => ({
    own: found.own,
    thresholds: toDrafts(found.thresholds, meter),
    notify: false,
  }));
  const [tried, setTried] = useState(false);
  const sending = useSending(["thresholds"]);
  const close = (): void => {
    forget();
    onClose();
  };
  const submit = (): void => {
    setTried(true);
    const thresholds = values.own ? toThresholds(values.thresholds, meter) : null;
    if (values.own && !thresholds) return;
    void sending.send(async () => {
      await api.put(`v1/customer-meters/${balanceOf(customer, meter)}/thresholds`, {
        thresholds,
        notify_current: values.own && values.notify,
      });
      announce(t("Saved"));
      close();
      void refresh();
    });
  };
  const meters = meter.thresholds.map((one) => describeThreshold(meter, one)).join(", ");
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>{t("When {name} runs low on {meter}.", { name: titleOf(customer), meter: meter.name })}</p>
      <div class="segments" role="group" aria-label={t("Whose thresholds")}>
        <button type="button" aria-pressed={!values.own} onClick={() => set({ own: false })}>
          {t("The meter's")}
        </button>
        <button type="button" aria-pressed={values.own} onClick={() => set({ own: true })}>
          {t("Its own")}
        </button>
      </div>
      {values.own ? (
        <>
          <ThresholdFields
            meter={meter}
            drafts={values.thresholds}
            onChange={(thresholds) => set({ thresholds })}
            strict={tried}
            problem={sending.at("thresholds")}
          />
          {values.thresholds.length > 0 ? (
            <NotifyCurrent value={values.notify} onChange={(notify) => set({ notify })} />
          ) : (
            <p class="hint">{t("With none, this customer causes no alert on this meter.")}</p>
          )}
        </>
      ) : (
        <p class="hint">{meters || t("The meter has none: this customer causes no alert on it.")}</p>
      )}
      <div class="form-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="customer_meters:write">
          {t("Save")}
        </Button>
      </div>
    </Form>
  );
}
