// Credits with terms: what is left of each, and until when; what expires next, and what has.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Balance, Lot, Meter } from "../data/shapes";
import { amount, figure } from "../text/meters";
import { exact } from "../text/numbers";
import { full, moment } from "../text/times";
import { t } from "../text/words";
import { Ago } from "./ago";
import { Await } from "./await";
import "./lots.css";

const MOST_SHOWN = 5;
const MOST_LAPSED = 5;
const USUAL_PRIORITY = 50;

interface LotsProps {
  balance: Balance;
  meter: Meter | undefined;
}

/** The open lots of a balance, in the order in which they are used. */
export function Lots({ balance, meter }: LotsProps): JSX.Element | null {
  const lots = (balance.lots ?? []).filter((lot) => lot.remaining_units.gt(0));
  const { next_expiry: next } = balance;
  if (lots.length === 0) return null;
  const more = lots.slice(MOST_SHOWN);
  return (
    <div class="lots">
      {next && (
        <p class="hint" data-testid="next-expiry">
          {t("{amount} will expire {when}.", { amount: amount(meter, next.units), when: full(next.at) })}
        </p>
      )}
      <ListOf lots={lots.slice(0, MOST_SHOWN)} meter={meter} />
      {more.length > 0 && (
        <details>
          <summary>{t("{n} more grants", { n: more.length })}</summary>
          <ListOf lots={more} meter={meter} />
        </details>
      )}
    </div>
  );
}

function ListOf({ lots, meter }: { lots: Lot[]; meter: Meter | undefined }): JSX.Element {
  return (
    <ul aria-label={t("Grants, in the order in which they are used")}>
      {lots.map((lot) => (
        <li key={lot.grant_id} data-testid="lot">
          <span class="bar" aria-hidden="true">
            <span class="bar-left" style={{ width: share(lot) }} />
          </span>
          <span class="lot-left">
            {t("{left} of {units} left", {
              left: figure(meter, lot.remaining_units),
              units: figure(meter, lot.units),
            })}
          </span>
          <span class="lot-end">
            {lot.expires_at ? (
              <time dateTime={lot.expires_at} title={full(lot.expires_at)}>
                {t("until {when}", { when: moment(lot.expires_at) })}
              </time>
            ) : (
              t("never expires")
            )}
            {lot.recurs && <span class="badge">{t("comes again")}</span>}
            {!lot.priority.eq(USUAL_PRIORITY) && (
              <span class="badge">{t("priority {n}", { n: exact(lot.priority) })}</span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

const share = ({ remaining_units: left, units }: Lot): string =>
  `${units.gt(0) ? left.div(units).times(100).toNumber() : 0}%`;

interface LapsedProps extends LotsProps {
  customerId: string;
}

/** The grants of which something has lapsed, the latest first. */
export function Lapsed({ customerId, balance, meter }: LapsedProps): JSX.Element | null {
  const { allows } = useSession();
  if (balance.expired_units.eq(0) || !allows("credits:read")) return null;
  return (
    <details class="lapsed">
      <summary>{t("{amount} expired", { amount: amount(meter, balance.expired_units) })}</summary>
      <LapsedList customerId={customerId} balance={balance} meter={meter} />
    </details>
  );
}

function LapsedList({ customerId, balance, meter }: LapsedProps): JSX.Element {
  const found = useRead("/v1/credits/grants", {
    query: {
      customer_id: customerId,
      meter_id: balance.meter_id,
      status: ["expired", "voided"],
      limit: MOST_LAPSED,
    },
  });
  return (
    <Await of={found} lines={2}>
      {({ items }) => (
        <ul>
          {items.map((grant) => (
            <li key={grant.id} data-testid="lapsed">
              {t("{amount} of a grant of {units}", {
                amount: amount(meter, grant.expired_units?.plus(grant.voided_units ?? 0) ?? grant.units),
                units: figure(meter, grant.units),
              })}
              {grant.expires_at && (
                <>
                  {" · "}
                  <Ago time={grant.expires_at} />
                </>
              )}
              {grant.status === "voided" && <span class="badge">{t("taken back")}</span>}
            </li>
          ))}
        </ul>
      )}
    </Await>
  );
}
