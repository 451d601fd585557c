// Taking an event back, as a whole or in part, or correcting what it took: with the amount and the
// balance after it, before anything is sent.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isUnknown } from "../data/client";
import { type Effect, useEffects } from "../data/effects";
import { newId } from "../data/grant";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Event, Meter, Refunded } from "../data/shapes";
import { amend, useRoute } from "../router";
import { amount, scaled, standing, unitOf, unscaled } from "../text/meters";
import { Big, typed, untyped } from "../text/numbers";
import { t } from "../text/words";
import { Button, Menu } from "./actions";
import { numberProblem } from "./amount_field";
import { Dialog, Done } from "./dialog";
import "./take_back.css";
import { Form, SelectField, TextField, useSending } from "./forms";
import { Notice } from "./page";

const MOST_REASON_CHARACTERS = 500;
const WAYS = ["refund", "correct", "void"] as const;
type Way = (typeof WAYS)[number];

/** What can be done with an event, and the form for it that the address says is open. */
export function TakeBack({ event }: { event: Event }): JSX.Element | null {
  const { query } = useRoute();
  const { data: effects } = useEffects(event);
  const way = WAYS.find((one) => one === query.get("open"));
  const close = (): void => amend({ open: "" });
  const voided = event.refunds?.some((one) => one.void);
  // A form that has just done it is still to say so.
  if (!effects?.length || (voided && !way) || event.metadata.event_id) return null;
  const used = effects.filter(({ line }) => line.units.gt(0));
  const titles = { refund: t("Refund"), correct: t("Correct"), void: t("Take back") };
  return (
    <>
      {!voided && (
        <Menu label={t("More actions")}>
          {used.length > 0 && (
            <>
              <Button needs="credits:grant" onClick={() => amend({ open: "refund" })}>
                {t("Refund")}
              </Button>
              <Button needs="credits:grant" onClick={() => amend({ open: "correct" })}>
                {t("Correct")}
              </Button>
            </>
          )}
          <Button kind="danger" needs="credits:grant" onClick={() => amend({ open: "void" })}>
            {t("Take back")}
          </Button>
        </Menu>
      )}
      {way && (
        <Dialog title={titles[way]} onClose={close}>
          <TakeBackForm event={event} way={way} effects={way === "void" ? effects : used} onClose={close} />
        </Dialog>
      )}
    </>
  );
}

interface FormProps {
  event: Event;
  way: Way;
  effects: Effect[];
  onClose(): void;
}

function TakeBackForm({ event, way, effects, onClose }: FormProps): JSX.Element {
  const { api, refresh } = useSession();
  const [meterId, setMeterId] = useState(effects[0]?.meter.id ?? "");
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [tried, setTried] = useState(false);
  const [externalId] = useState(newId);
  const [done, setDone] = useState<string[]>();
  const sending = useSending(["units", "reason"]);
  const state = useRead("/v1/customers/{id}/state", { path: { id: event.customer_id ?? "" } });
  const effect = effects.find(({ meter }) => meter.id === meterId) ?? effects[0];
  if (!effect) return <Notice>{t("No meter counts this event.")}</Notice>;
  const { meter } = effect;
  const taken = stillTaken(event, effect);
  const wrong = way === "void" ? "" : problemOf(way, text, taken, meter);
  const shown = wrong ? null : typed(text);
  const number = shown && unscaled(meter, shown);
  const label = way === "refund" ? t("How much to give back") : t("What it should have taken");
  const unit = unitOf(meter);
  // What goes back: all of it, a part, or what was counted beyond what is right.
  const back = wrong ? null : way === "correct" ? number && taken.minus(number) : (number ?? taken);
  const before = state.data?.active_meters.find((one) => one.meter_id === meter.id)?.balance;
  const submit = (): void => {
    setTried(true);
    if (wrong || (way !== "void" && !back) || !reason.trim()) return;
    void sending.send(async () => {
      const why = { reason: reason.trim() };
      if (way === "void") {
        const made = await api.post<{ refund: Refunded | null }>(
          `v1/events/${encodeURIComponent(event.id)}/void`,
          why,
        );
        setDone(outcome(made.refund, effects));
      } else {
        const asked = { event_id: event.id, meter_id: meter.id, units: back, external_id: externalId };
        setDone(outcome(await api.post<Refunded>("v1/credits/refunds", { ...asked, ...why }), effects));
      }
      await refresh();
    });
  };
  if (done) {
    return (
      <Done>
        <Notice tone="good">{done.length > 0 ? done.join(" ") : t("It is taken back.")}</Notice>
        <div class="form-actions">
          <Button kind="primary" onClick={onClose}>
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
          {isUnknown(sending.error) && ` ${t("It is safe to try again: it counts once.")}`}
        </Notice>
      )}
      {way !== "void" && effects.length > 1 && (
        <SelectField
          label={t("Meter")}
          value={meter.id}
          onChange={setMeterId}
          options={effects.map(({ meter }) => ({ value: meter.id, label: meter.name }))}
        />
      )}
      {way !== "void" && (
        <TextField
          label={unit ? `${label} (${unit})` : label}
          inputMode="decimal"
          autoFocus
          value={text}
          placeholder={untyped(scaled(meter, taken))}
          onChange={setText}
          problem={text || tried ? wrong : ""}
        />
      )}
      <p class="take-back-echo" data-testid="echo">
        {way === "void"
          ? effects.map((one) => <span key={one.meter.id}>{whole(event, one)}</span>)
          : back && (
              <span>
                {t("Gives back {amount} of {meter}.", { amount: amount(meter, back), meter: meter.name })}{" "}
                {before && t("Afterwards: {after}", { after: standing(before.minus(back), meter) })}
              </span>
            )}
      </p>
      <TextField
        label={t("Reason")}
        value={reason}
        maxLength={MOST_REASON_CHARACTERS}
        autoFocus={way === "void"}
        onChange={setReason}
        problem={tried && !reason.trim() ? t("Say why. The reason is kept with it.") : ""}
      />
      <div class="form-actions">
        <Button onClick={onClose}>{t("Cancel")}</Button>
        <Button type="submit" kind={way === "void" ? "danger" : "primary"} busy={sending.busy}>
          {way === "refund" ? t("Refund") : way === "correct" ? t("Correct") : t("Take back")}
        </Button>
      </div>
    </Form>
  );
}

/** What an event took of a meter, less what was given back of it. */
function stillTaken(event: Event, { meter, line }: Effect): Big {
  const back = (event.refunds ?? []).flatMap((one) => one.units).filter((one) => one.meter_id === meter.id);
  return back.reduce((left, one) => left.minus(one.refunded_units), line.units);
}

/** What is wrong with an amount: empty is all of it for a refund, and nothing for a correction. */
function problemOf(way: Way, text: string, took: Big, meter: Meter): string {
  if (!text.trim()) return way === "refund" ? "" : t("An amount is required.");
  const wrong = numberProblem(text, meter);
  if (wrong) return wrong;
  const number = unscaled(meter, typed(text) ?? new Big(0));
  if (way === "refund" && (number.lte(0) || number.gt(took)))
    return t("More than 0, and at most what it took.");
  if (way === "correct" && (number.lt(0) || number.gte(took)))
    return t("Less than it took. Where it should have taken more, add an event for the rest.");
  return "";
}

/** What taking an event back does to one meter, in words. */
function whole(event: Event, effect: Effect): string {
  const { meter, line } = effect;
  const units = line.units.gt(0) ? stillTaken(event, effect) : line.units.abs();
  const terms = { amount: amount(meter, units), meter: meter.name };
  return line.units.gt(0)
    ? t("Gives back {amount} of {meter}.", terms)
    : t("Takes what is left of {amount} of {meter}.", terms);
}

/** What it came to, as the answer says, with the balances after it. */
function outcome(made: Refunded | null, effects: Effect[]): string[] {
  return (made?.units ?? []).map((one) => {
    const meter = effects.find((effect) => effect.meter.id === one.meter_id)?.meter;
    const balance = made?.meters.find((standing) => standing.meter_id === one.meter_id)?.balance;
    const back = one.refunded_units.gt(0);
    const terms = { amount: amount(meter, back ? one.refunded_units : one.voided_units) };
    const what = back ? t("Given back: {amount}.", terms) : t("Taken: {amount}.", terms);
    return balance ? `${what} ${t("Afterwards: {after}", { after: standing(balance, meter) })}` : what;
  });
}
