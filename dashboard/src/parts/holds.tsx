// What a customer's open holds reserve, and until when; giving it back, or counting it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Hold, List, Meter, State } from "../data/shapes";
import { amount } from "../text/meters";
import { Big } from "../text/numbers";
import { full } from "../text/times";
import { t } from "../text/words";
import { Button } from "./actions";
import { Ago } from "./ago";
import { announce } from "./announcements";
import { Await } from "./await";
import { Dialog } from "./dialog";
import { Form, useSending } from "./forms";
import { MetadataLine } from "./metadata";
import { Card, Notice } from "./page";
import { CsvButton, Pager } from "./pager";
import { type Column, Named, Table } from "./table";

const FRESH_MILLISECONDS = 5_000;
const PAGE_SIZE = 10;
const NOUN = ["{n} open hold", "{n} open holds"] as const;

interface HoldsProps {
  customer: State;
  meters: Meter[];
}

export function Holds({ customer, meters }: HoldsProps): JSX.Element | null {
  const { api, queries, allows, refresh } = useSession();
  const [ending, setEnding] = useState<Hold>();
  const held = customer.active_meters.some((one) => one.held_units.gt(0));
  const terms = { customer_id: customer.id };
  const found = useRead(
    "/v1/credits/holds",
    { query: { ...terms, limit: PAGE_SIZE } },
    { every: FRESH_MILLISECONDS, skip: !held || !allows("credits:read") },
  );
  if (!held && !ending) return null;
  const load = (page: number, limit: number): Promise<List<Hold>> =>
    queries.fetchQuery(reading(api, "/v1/credits/holds", { query: { ...terms, page, limit } }));
  const columns = columnsOf(meters, setEnding);
  const close = (): void => setEnding(undefined);
  return (
    <Card title={t("Open holds")} flush>
      {!allows("credits:read") ? (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: "credits:read" })}</Notice>
      ) : (
        <Await of={found}>
          {({ items, pagination }) => (
            <>
              <Table
                caption={t("Open holds, latest first")}
                rows={items}
                keyOf={(hold) => hold.id}
                columns={columns}
              />
              <Pager
                page={1}
                pagination={{ ...pagination, max_page: new Big(1) }}
                noun={NOUN}
                file={<CsvButton name={t("holds")} columns={columns} load={load} />}
              />
            </>
          )}
        </Await>
      )}
      {ending && (
        <Dialog title={t("End a hold")} onClose={close}>
          <EndHold
            hold={ending}
            meters={meters}
            onClose={close}
            onDone={() => {
              close();
              void refresh();
            }}
          />
        </Dialog>
      )}
    </Card>
  );
}

/** What a hold reserves: `50 credits`, of each meter. */
function reserved({ units }: Hold, meters: Meter[]): string {
  return units
    .map((one) =>
      amount(
        meters.find(({ id }) => id === one.meter_id),
        one.units,
      ),
    )
    .join(" · ");
}

function columnsOf(meters: Meter[], onEnd: (hold: Hold) => void): Column<Hold>[] {
  return [
    {
      name: t("Hold"),
      show: (hold) => <Named name={hold.name} below={hold.external_id} />,
      csv: (hold) => hold.external_id,
    },
    {
      name: t("Reserved"),
      number: true,
      show: (hold) => reserved(hold, meters),
      csv: (hold) => reserved(hold, meters),
    },
    {
      name: t("Placed"),
      number: true,
      show: (hold) => <Ago time={hold.created_at} />,
      csv: (hold) => hold.created_at,
    },
    {
      name: t("Expires"),
      number: true,
      show: (hold) => <Ago time={hold.expires_at} />,
      csv: (hold) => hold.expires_at,
    },
    {
      name: "",
      number: true,
      show: (hold) => (
        <Button
          kind="quiet"
          needs="credits:write"
          label={t("End the hold {name}", { name: hold.external_id })}
          onClick={() => onEnd(hold)}
        >
          {t("End")}
        </Button>
      ),
    },
  ];
}

interface EndProps {
  hold: Hold;
  meters: Meter[];
  onClose(): void;
  onDone(): void;
}

/** Either all goes back, or all counts: a part is what its caller captures. */
function EndHold({ hold, meters, onClose, onDone }: EndProps): JSX.Element {
  const { api } = useSession();
  const sending = useSending([]);
  const [capturing, setCapturing] = useState(false);
  const all = reserved(hold, meters);
  const submit = (): void =>
    void sending.send(async () => {
      await api.post(`v1/credits/holds/${hold.id}/${capturing ? "capture" : "release"}`, {});
      announce(
        capturing ? t("Counted: {amount}", { amount: all }) : t("Free again: {amount}", { amount: all }),
      );
      onDone();
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <dl class="facts">
        <dt>{t("Hold")}</dt>
        <dd>
          <Named name={hold.name} below={hold.external_id} />
        </dd>
        <dt>{t("Metadata")}</dt>
        <dd>
          <MetadataLine metadata={hold.metadata} />
        </dd>
        <dt>{t("Expires")}</dt>
        <dd>{full(hold.expires_at)}</dd>
      </dl>
      <div class="segments" role="group" aria-label={t("How it ends")}>
        <button type="button" aria-pressed={!capturing} onClick={() => setCapturing(false)}>
          {t("Release")}
        </button>
        <button type="button" aria-pressed={capturing} onClick={() => setCapturing(true)}>
          {t("Capture")}
        </button>
      </div>
      <p>
        {capturing
          ? t(
              "{amount}: counts as used. The caller that placed the hold can't capture another amount after that.",
              {
                amount: all,
              },
            )
          : t(
              "{amount}: goes back to the customer. The caller that placed the hold can't capture it after that.",
              {
                amount: all,
              },
            )}
      </p>
      <div class="form-actions">
        <Button onClick={onClose}>{t("Cancel")}</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="credits:write">
          {capturing ? t("Capture the hold") : t("Release the hold")}
        </Button>
      </div>
    </Form>
  );
}
