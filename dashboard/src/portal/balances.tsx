// What is left of each meter's credits, and until when.
import type { JSX } from "preact";
import type { Meter } from "../data/shapes";
import { Card } from "../parts/page";
import { amount, figure, hasCredits, left } from "../text/meters";
import type { Big } from "../text/numbers";
import { full, moment } from "../text/times";
import { t } from "../text/words";
import type { Balance } from "./data";
import "../parts/balances.css";
import "../parts/lots.css";

const MOST_LOTS = 5;

/** A meter as the dashboard's texts know it: they read its name, unit and function. */
export const meterOf = (balance: Balance): Meter => balance.meter as unknown as Meter;

export function Balances({ balances }: { balances: Balance[] }): JSX.Element {
  return (
    <div class="balances">
      {balances.map((balance) => (
        <One key={balance.id} balance={balance} />
      ))}
    </div>
  );
}

function One({ balance }: { balance: Balance }): JSX.Element {
  const meter = meterOf(balance);
  const credits = hasCredits(meter);
  const next = balance.next_expiry;
  const given = balance.granted_units;
  // Who was never given any is not over: what was used is all that there is to say.
  const over = credits && given.gt(0) && balance.balance.gt(0);
  return (
    <Card title={meter.name}>
      <div class={`balance ${over ? "overdrawn" : ""}`} data-testid="balance">
        <p class="left">
          <strong class="left-figure">
            {given.gt(0) || !credits ? left(meter, balance) : amount(meter, balance.used_units)}
          </strong>
          {credits && given.lte(0) && ` ${t("used")}`}
        </p>
        {credits && given.gt(0) && (
          <>
            <div class="bar" aria-hidden="true">
              <span class="bar-left" style={{ width: share(balance.available_credits, given) }} />
            </div>
            <p class="sum">
              <span>{t("{n} granted", { n: figure(meter, given) })}</span>
              <span>{t("{n} used", { n: figure(meter, balance.used_units) })}</span>
              {balance.held_units.gt(0) && (
                <span>{t("{n} reserved", { n: figure(meter, balance.held_units) })}</span>
              )}
              {balance.expired_units.gt(0) && (
                <span>{t("{n} expired", { n: figure(meter, balance.expired_units) })}</span>
              )}
            </p>
          </>
        )}
        {next && (
          <p class="hint" data-testid="next-expiry">
            {t("{amount} will expire {when}.", { amount: amount(meter, next.units), when: full(next.at) })}
          </p>
        )}
        <Lots balance={balance} />
        {!balance.complete && <p class="hint">{t("still counting the past")}</p>}
      </div>
    </Card>
  );
}

function Lots({ balance }: { balance: Balance }): JSX.Element | null {
  const meter = meterOf(balance);
  const lots = (balance.lots ?? []).filter((lot) => lot.remaining_units.gt(0)).slice(0, MOST_LOTS);
  if (lots.length === 0) return null;
  return (
    <div class="lots">
      <ul aria-label={t("Grants, in the order in which they are used")}>
        {lots.map((lot) => (
          <li key={lot.grant_id}>
            <span class="bar" aria-hidden="true">
              <span class="bar-left" style={{ width: share(lot.remaining_units, lot.units) }} />
            </span>
            <span class="lot-left">
              {t("{left} of {units} left", {
                left: figure(meter, lot.remaining_units),
                units: figure(meter, lot.units),
              })}
            </span>
            <span class="lot-end">
              {lot.expires_at ? (
                <time dateTime={lot.expires_at}>{t("until {when}", { when: moment(lot.expires_at) })}</time>
              ) : (
                t("never expires")
              )}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const share = (part: Big, whole: Big): string =>
  `${whole.gt(0) ? Math.min(100, part.div(whole).times(100).toNumber()) : 0}%`;
