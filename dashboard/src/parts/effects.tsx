// What an event did to balances, and what was given back of it or taken.
import type { JSX } from "preact";
import { useEffects } from "../data/effects";
import type { Event } from "../data/shapes";
import { href } from "../router";
import { amount, standing } from "../text/meters";
import { full, moment } from "../text/times";
import { t } from "../text/words";
import { Notice } from "./page";

export function Effects({ event }: { event: Event }): JSX.Element | null {
  const { data, error, reload } = useEffects(event);
  if (error) {
    return (
      <Notice tone="bad">
        {t("What it did is not known:")} {error.message}{" "}
        <button type="button" class="link" onClick={() => void reload()}>
          {t("Try again")}
        </button>
      </Notice>
    );
  }
  if (!data?.length) return null;
  return (
    <ul class="effects" aria-label={t("What it did")}>
      {data.map(({ meter, line }) => (
        <li key={meter.id} data-testid="effect">
          <a href={href(["customers", event.customer_id ?? "", "statement", meter.id])}>{meter.name}</a>{" "}
          {line.units.gt(0)
            ? t("{amount} used", { amount: amount(meter, line.units) })
            : t("{amount} added", { amount: amount(meter, line.units.abs()) })}
          {" · "}
          {t("afterwards {balance}", { balance: standing(line.balance, meter) })}
        </li>
      ))}
    </ul>
  );
}

export function RefundsOf({ event }: { event: Event }): JSX.Element | null {
  const refunds = event.refunds ?? [];
  if (refunds.length === 0) return null;
  return (
    <ul class="effects" aria-label={t("What was taken back")}>
      {refunds.map((refund) => (
        <li key={refund.id ?? refund.created_at} data-testid="refund">
          {refund.id ? (
            <a href={href(["events", refund.id])}>{refund.void ? t("Taken back") : t("Refunded")}</a>
          ) : (
            t("Taken back")
          )}
          {" · "}
          <time dateTime={refund.created_at} title={full(refund.created_at)}>
            {moment(refund.created_at)}
          </time>
          {refund.reason && ` · ${refund.reason}`}
          {refund.actor && ` · ${t("by {name}", { name: refund.actor.token_name || refund.actor.token_id })}`}
        </li>
      ))}
    </ul>
  );
}
