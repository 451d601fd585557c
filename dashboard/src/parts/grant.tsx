// Granting credits, and finishing a grant whose answer was lost.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { isUnknown, Refused } from "../data/client";
import { useDraft } from "../data/drafts";
import { forgetGrant, grantOf, lostGrant, newId, type SentGrant, sendGrant } from "../data/grant";
import { useSession } from "../data/session";
import type { Grant, Meter, State } from "../data/shapes";
import { amend } from "../router";
import { amount, left, standing, titleOf, unscaled } from "../text/meters";
import { type Big, typed, ZERO } from "../text/numbers";
import { t } from "../text/words";
import { Button } from "./actions";
import { AmountField, amountProblem } from "./amount_field";
import { Done } from "./dialog";
import { Figure } from "./figure";
import { Form, SelectField, TextField, useSending } from "./forms";
import { NO_TERMS, TermFields, type TermValues, termProblems, termsOf } from "./grant_terms";
import { Empty, Notice } from "./page";

const MOST_NOTE_CHARACTERS = 500;

interface GrantFormProps {
  customer: State;
  meters: Meter[];
  onClose(): void;
}

interface Outcome {
  text: string;
  conflict: boolean;
}

export function GrantForm({ customer, meters, onClose }: GrantFormProps): JSX.Element {
  const { api, refresh } = useSession();
  const able = meters.filter((meter) => meter.aggregation.func === "sum");
  // One id for the form, whatever becomes of its attempts: none of them can count beside another.
  const { values, set, forget } = useDraft(`grant/${customer.id}`, () => ({
    meterId: able[0]?.id ?? "",
    amount: "",
    note: "",
    externalId: newId(),
    ...NO_TERMS,
  }));
  const [tried, setTried] = useState(false);
  const [done, setDone] = useState<Outcome>();
  const sending = useSending(["recurrence", "rollover", "expires_at", "priority"]);

  const meter = able.find((one) => one.id === values.meterId);
  const number = amountProblem(values.amount, meter) ? null : typed(values.amount);
  const units = number && unscaled(meter, number);
  const grant = meter && units ? grantOf(meter, units) : undefined;
  const submit = (): void => {
    setTried(true);
    if (!meter || !grant || typeof grant === "string" || Object.keys(termProblems(values, meter)).length)
      return;
    void sending.send(async () => {
      const made = await sendGrant(api, {
        ...grant,
        ...termsOf(values, meter),
        ...(values.note.trim() && { note: values.note.trim() }),
        customer_id: customer.id,
        external_id: values.externalId,
      }).catch(wasAnother);
      const state = await api.get<State>(`v1/customers/${customer.id}/state`).catch(() => null);
      const balance = made?.meters[0] ?? state?.active_meters.find((one) => one.meter_id === meter.id);
      setDone({ text: balance ? left(meter, balance) : "", conflict: !made });
      forget();
      void refresh();
    });
  };
  const close = (): void => {
    forget();
    onClose();
  };

  if (able.length === 0) {
    return (
      <Empty icon="meters" title={t("No meter can grant credits")}>
        {t("Credits are negative values of a meter that sums a number. Create such a meter first.")}
      </Empty>
    );
  }
  if (done && meter && units) {
    return (
      <Done>
        {done.conflict ? (
          <Notice>
            {t("An earlier attempt from this form was counted with other values; nothing was added now.")}
          </Notice>
        ) : (
          <Notice tone="good">
            {t("{amount} granted to {customer}.", {
              amount: amount(meter, units),
              customer: titleOf(customer),
            })}
          </Notice>
        )}
        <p class="left">
          <span data-testid="new-balance">
            <Figure text={done.text} />
          </span>{" "}
          <span>{t("of {meter}", { meter: meter.name })}</span>
        </p>
        <div class="form-actions">
          <Button kind="primary" onClick={close}>
            {t("Done")}
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
          {isUnknown(sending.error) &&
            ` ${t("It is safe to try again: a grant from this form counts once.")}`}
        </Notice>
      )}
      {typeof grant === "string" && <Notice tone="bad">{grant}</Notice>}
      <SelectField
        label={t("Meter")}
        value={values.meterId}
        onChange={(meterId) => set({ meterId })}
        options={meters.map((one) => ({
          value: one.id,
          label: able.includes(one) ? one.name : t("{name} (sums nothing)", { name: one.name }),
          disabled: !able.includes(one),
        }))}
      />
      <AmountField
        meter={meter}
        value={values.amount}
        onChange={(amount) => set({ amount })}
        strict={tried}
        echo={(units) => echo(customer, meter, units, values)}
      />
      <TextField
        label={t("Note")}
        optional
        value={values.note}
        maxLength={MOST_NOTE_CHARACTERS}
        placeholder={t("Order 1042")}
        onChange={(note) => set({ note })}
        hint={t("Kept with the grant.")}
      />
      <TermFields meter={meter} values={values} set={set} sending={sending} />
      <div class="form-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="credits:grant">
          {t("Grant credits")}
        </Button>
      </div>
    </Form>
  );
}

/** `1,000 credits of AI tokens, every month. Afterwards: 1,010 in credit`: so nobody grants 1 for a thousand. */
function echo(customer: State, meter: Meter | undefined, units: Big, { every }: TermValues): string {
  const before = customer.active_meters.find((one) => one.meter_id === meter?.id)?.balance ?? ZERO;
  return t(
    every
      ? "{amount} of {meter}, again and again. Afterwards: {after}"
      : "{amount} of {meter}. Afterwards: {after}",
    {
      amount: amount(meter, units),
      meter: meter?.name ?? "",
      after: standing(before.minus(units), meter),
    },
  );
}

/** That this form's id has counted before, with other values, is an outcome; all else is an error. */
function wasAnother(error: Error): Grant | null {
  if (error instanceof Refused && error.status === 409 && error.message.includes("external id")) return null;
  throw error;
}

/** A grant whose answer was lost, by a reload say: it can be finished, and counts once. */
export function LostGrant({ customerId }: { customerId: string }): JSX.Element | null {
  const { api, refresh } = useSession();
  const sending = useSending([]);
  const [lost, setLost] = useState<SentGrant>();
  useEffect(() => {
    const found = lostGrant(customerId);
    setLost(found);
    // What is to be finished comes before what the address may say is open.
    if (found) amend({ open: "" });
  }, [customerId]);
  if (!lost) return null;
  const finish = (): void =>
    void sending.send(async () => {
      await sendGrant(api, lost);
      setLost(undefined);
      await refresh();
    });
  const forget = (): void => {
    forgetGrant(customerId);
    setLost(undefined);
  };
  return (
    <Notice>
      <p>
        {t("A grant was sent from here and its answer never came. Sending it again is safe: it counts once.")}
        {sending.problem && ` ${sending.problem}`}
      </p>
      <div class="form-actions">
        <Button onClick={forget}>{t("Forget it")}</Button>
        <Button kind="primary" busy={sending.busy} needs="credits:grant" onClick={finish}>
          {t("Finish the grant")}
        </Button>
      </div>
    </Notice>
  );
}
