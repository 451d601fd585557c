// Which events are listed: by name, customer, meter and time, as the address has it.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import { amend } from "../router";
import { instant } from "../text/times";
import { type Message, t } from "../text/words";
import { Cut } from "./await";
import { CustomerFilter } from "./customer_filter";
import "./event_filters.css";
import { SelectField, TextField } from "./forms";

export type Filters = Record<string, string>;

const TIMES: { value: string; label: Message }[] = [
  { value: "", label: "Any time" },
  { value: "1", label: "Last hour" },
  { value: "24", label: "Last 24 hours" },
  { value: "168", label: "Last 7 days" },
  { value: "720", label: "Last 30 days" },
  { value: "custom", label: "Between…" },
];

export const NAMES = ["name", "meter_id", "customer_id", "external_customer_id", "time"];

/** The filters as the API takes them; hours back are counted from the minute, which is the same for a while. */
export function asked(terms: Filters): Record<string, string | undefined> {
  const { name, meter_id, customer_id, external_customer_id, time, from, to } = terms;
  const custom = time === "custom";
  const at = (local: string | undefined): string | undefined =>
    local ? instant(local.slice(0, 10), local.slice(11)).toISOString() : undefined;
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  return {
    name,
    meter_id,
    customer_id,
    external_customer_id,
    start_timestamp: custom
      ? at(from)
      : time
        ? new Date(minute - Number(time) * 3_600_000).toISOString()
        : undefined,
    end_timestamp: custom ? at(to) : undefined,
  };
}

export function EventFilters({ terms }: { terms: Filters }): JSX.Element {
  const { allows } = useSession();
  const names = useRead("/v1/events/names", { query: { limit: 100 } });
  const meters = useRead("/v1/meters/", { query: { limit: 100 } }, { skip: !allows("meters:read") });
  const choose = (changed: Record<string, string>): void => amend({ page: "", ...changed });
  return (
    <>
      <TextField
        label={t("Name")}
        value={terms.name ?? ""}
        placeholder={t("Any name")}
        options={names.data?.items.map((one) => one.name)}
        onChange={(name) => choose({ name })}
      />
      <CustomerFilter terms={terms} choose={choose} />
      <SelectField
        label={t("Counted by meter")}
        value={terms.meter_id ?? ""}
        onChange={(meter_id) => choose({ meter_id })}
        hint={<Cut shown={meters.data?.items.length ?? 0} of={meters.data?.pagination.total_count} />}
        options={[
          { value: "", label: t("Any, or none") },
          ...(meters.data?.items ?? []).map((meter) => ({ value: meter.id, label: meter.name })),
        ]}
      />
      <SelectField
        label={t("Time")}
        value={terms.time ?? ""}
        onChange={(time) => choose({ time })}
        options={TIMES.map(({ value, label }) => ({ value, label: t(label) }))}
      />
      {terms.time === "custom" && (
        <>
          <TextField
            label={t("From")}
            type="datetime-local"
            value={terms.from ?? ""}
            onChange={(from) => choose({ from })}
          />
          <TextField
            label={t("Before")}
            type="datetime-local"
            value={terms.to ?? ""}
            onChange={(to) => choose({ to })}
          />
        </>
      )}
    </>
  );
}
