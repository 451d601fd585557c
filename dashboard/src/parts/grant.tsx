// Granting credits: an event with a negative value, counted once however often it is sent.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { isUnknown, type Api } from "../api";
import { grantOf, left, type Grant } from "../meters";
import { type Big, digitsProblem, exact, readJson, typed, writeJson } from "../numbers";
import { useSession } from "../session";
import type { Customer, Ingested, Meter, State } from "../shapes";
import { Button } from "./actions";
import { Form, SelectField, TextField, useSending } from "./forms";
import { Done, Empty, Notice } from "./layout";

const PENDING = "aureon.grant.";
const MOST_NOTE_CHARACTERS = 500;

/** A grant as it is sent. Its external id makes it count once, through reloads too. */
interface Sent extends Grant {
  customer_id: string;
  external_id: string;
}

/** Send a grant, remembered until there is an answer. */
async function send(api: Api, grant: Sent): Promise<Ingested> {
  const place = PENDING + grant.customer_id;
  sessionStorage.setItem(place, writeJson(grant));
  try {
    const result = await api.post<Ingested>("v1/events/ingest", { events: [grant] });
    sessionStorage.removeItem(place);
    return result;
  } catch (error) {
    if (!isUnknown(error)) sessionStorage.removeItem(place);
    throw error;
  }
}

interface GrantFormProps {
  customer: Customer;
  meters: Meter[];
  onClose(): void;
  onDone(): Promise<void>;
}

export function GrantForm({ customer, meters, onClose, onDone }: GrantFormProps): JSX.Element {
  const { api } = useSession();
  const able = meters.filter((meter) => meter.aggregation.func === "sum");
  const [meterId, setMeterId] = useState(able[0]?.id ?? "");
  const [amount, setAmount] = useState("");
  const [note, setNote] = useState("");
  const [tried, setTried] = useState(false);
  // One for the form, whatever becomes of its attempts: none of them can count beside another.
  const [externalId] = useState(() => `dashboard-grant-${crypto.randomUUID?.() ?? uuid()}`);
  const [done, setDone] = useState<{ text: string; conflict: boolean }>();
  const sending = useSending([]);

  const meter = able.find((one) => one.id === meterId);
  const units = typed(amount);
  const wrong = amountProblem(amount, units);
  const grant = meter && units && !wrong ? grantOf(meter, units, note.trim()) : undefined;
  const submit = (): void => {
    setTried(true);
    if (!meter || !grant || typeof grant === "string") return;
    void sending.send(async () => {
      const result = await send(api, { ...grant, customer_id: customer.id, external_id: externalId });
      const state = await api.get<State>(`v1/customers/${customer.id}/state`).catch(() => null);
      const balance = state?.active_meters.find((one) => one.meter_id === meter.id);
      const conflict = Boolean(result.conflicts?.length);
      setDone({ text: balance ? left(meter, balance) : "", conflict });
      void onDone();
    });
  };

  if (able.length === 0) {
    return (
      <Empty icon="meters" title="No meter can grant credits">
        Credits are negative values of a meter that sums a number. Create such a meter first.
      </Empty>
    );
  }
  if (done && meter && units) {
    return (
      <Done>
        {done.conflict ? (
          <Notice>An earlier attempt of this form was counted with other values; nothing was added now.</Notice>
        ) : (
          <Notice tone="good">
            {exact(units)} {units.eq(1) ? "credit" : "credits"} granted to {customer.name ?? customer.email}.
          </Notice>
        )}
        <p class="big">
          <strong data-testid="new-balance">{done.text}</strong>
          <span> of {meter.name}</span>
        </p>
        <div class="form-actions">
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </Done>
    );
  }
  return (
    <Form onSubmit={submit}>
      {sending.problem && (
        <Notice tone="bad">
          {sending.problem}
          {isUnknown(sending.error) && " It is safe to try again: a grant from this form counts once."}
        </Notice>
      )}
      {typeof grant === "string" && <Notice tone="bad">{grant}</Notice>}
      <SelectField
        label="Meter"
        value={meterId}
        onChange={setMeterId}
        options={meters.map((one) => ({
          value: one.id,
          label: able.includes(one) ? one.name : `${one.name} (sums nothing)`,
          disabled: !able.includes(one),
        }))}
      />
      <TextField
        label="Amount"
        inputMode="decimal"
        autoFocus
        value={amount}
        placeholder="100"
        onChange={setAmount}
        problem={amount || tried ? wrong : ""}
        hint={units && !wrong && units.gte(1000) ? `${exact(units)} credits` : "How many credits to add."}
      />
      <TextField
        label="Note"
        optional
        value={note}
        maxLength={MOST_NOTE_CHARACTERS}
        placeholder="Order 1042"
        onChange={setNote}
        hint="Kept with the event."
      />
      <div class="form-actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="events:write">
          Grant credits
        </Button>
      </div>
    </Form>
  );
}

function amountProblem(text: string, units: Big | null): string {
  if (text.trim() === "") return "An amount is required.";
  if (!units) return "This is not a number.";
  if (units.lte(0)) return "Grant more than 0. To take credits back, ingest a positive event.";
  return digitsProblem(units);
}

/** A grant whose answer was lost, by a reload say: it can be finished, and counts once. */
export function LostGrant({ customerId, onDone }: { customerId: string; onDone(): Promise<void> }): JSX.Element | null {
  const { api } = useSession();
  const sending = useSending([]);
  const [lost, setLost] = useState<Sent>();
  useEffect(() => {
    const kept = sessionStorage.getItem(PENDING + customerId);
    if (kept) setLost(readJson(kept) as Sent);
  }, [customerId]);
  if (!lost) return null;
  const finish = (): void =>
    void sending.send(async () => {
      await send(api, lost);
      setLost(undefined);
      await onDone();
    });
  const forget = (): void => {
    sessionStorage.removeItem(PENDING + customerId);
    setLost(undefined);
  };
  return (
    <Notice>
      <p>
        A grant was sent from here and its answer never came. Sending it again is safe: it counts once.
        {sending.problem && ` ${sending.problem}`}
      </p>
      <div class="form-actions">
        <Button onClick={forget}>Forget it</Button>
        <Button kind="primary" busy={sending.busy} needs="events:write" onClick={finish}>
          Finish the grant
        </Button>
      </div>
    </Notice>
  );
}

/** Without https a browser has no randomUUID, but it has what one is made of. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
