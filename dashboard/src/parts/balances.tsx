// What a customer has left: meters of credits first and large, all others in a strip.
import type { JSX } from "preact";
import { useMonth } from "../data/quantities";
import type { Balance, Meter } from "../data/shapes";
import { href } from "../router";
import { isForYears, rates } from "../text/forecast";
import {
  amount,
  describeAggregation,
  figure,
  hasCredits,
  left,
  scaled,
  unitOf,
  unscaled,
} from "../text/meters";
import { type Big, exact, rounded, ZERO } from "../text/numbers";
import { counted, t } from "../text/words";
import "./balances.css";
import { Figure } from "./figure";
import { Lapsed, Lots } from "./lots";

interface BalancesProps {
  customerId: string;
  balances: Balance[];
  meters: Map<string, Meter>;
}

export function Balances({ customerId, balances, meters }: BalancesProps): JSX.Element {
  const known = balances.map((balance) => ({ balance, meter: meters.get(balance.meter_id) }));
  const credits = known.filter(({ meter }) => !meter || hasCredits(meter));
  const gauges = known.filter(({ meter }) => meter && !hasCredits(meter));
  return (
    <>
      {credits.length > 0 && (
        <div class="balances">
          {credits.map(({ balance, meter }) => (
            <BalanceCard key={balance.id} customerId={customerId} balance={balance} meter={meter} />
          ))}
        </div>
      )}
      {gauges.length > 0 && (
        <dl class="gauges card">
          {gauges.map(({ balance, meter }) => (
            <div key={balance.id} data-testid="gauge">
              <dt>{meter && <a href={href(["meters", meter.id])}>{meter.name}</a>}</dt>
              <dd>
                <Figure text={figure(meter, balance.balance)} />{" "}
                <small>{meter && (unitOf(meter) || describeAggregation(meter.aggregation))}</small>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}

interface CardProps {
  customerId: string;
  balance: Balance;
  meter: Meter | undefined;
}

function BalanceCard({ customerId, balance, meter }: CardProps): JSX.Element {
  const over = balance.balance.gt(0);
  const available = balance.available_credits;
  const unit = unitOf(meter);
  return (
    <section class={`card balance ${over ? "overdrawn" : ""}`}>
      <h2>{meter ? <a href={href(["meters", meter.id])}>{meter.name}</a> : balance.meter_id}</h2>
      <p class="left" data-testid="left">
        <Figure text={figure(meter, available)} large />{" "}
        <span>
          {unit ? t("{unit} left", { unit }) : available.eq(1) ? t("credit left") : t("credits left")}
        </span>
      </p>
      {over && meter && <p class="badge bad">{left(meter, balance)}</p>}
      {!balance.complete && <p class="badge">{t("still counting the past")}</p>}
      <Bar balance={balance} />
      <Sum balance={balance} meter={meter} />
      <Lots balance={balance} meter={meter} />
      <Lapsed customerId={customerId} balance={balance} meter={meter} />
      {meter && available.gt(0) && <Forecast customerId={customerId} meter={meter} available={available} />}
      {meter && (
        <p class="statement-link">
          <a href={href(["customers", customerId, "statement", meter.id])}>{t("Statement")}</a>
        </p>
      )}
    </section>
  );
}

/** Of what was granted: how much was used, is held, and is left. */
function Bar({ balance }: { balance: Balance }): JSX.Element {
  const { used_units: used, held_units: held, available_credits: available } = balance;
  const whole = used.plus(held).plus(available);
  const share = (part: Big): string => `${whole.gt(0) ? part.div(whole).times(100).toNumber() : 0}%`;
  return (
    <div class="bar" aria-hidden="true">
      <span class="bar-left" style={{ width: share(available) }} />
      <span class="bar-held" style={{ width: share(held) }} />
      <span class="bar-used" style={{ width: share(used) }} />
    </div>
  );
}

/** The balance as an addition that can be checked: granted − used − expired − held = left. */
function Sum({ balance, meter }: { balance: Balance; meter: Meter | undefined }): JSX.Element {
  const { granted_units, used_units, expired_units, held_units, available_credits } = balance;
  const { balance: value } = balance;
  const over = value.gt(0);
  const parts = [
    { sign: "", name: t("granted"), units: granted_units },
    { sign: "−", name: t("used"), units: used_units },
    { sign: "−", name: t("expired"), units: expired_units },
    { sign: "−", name: t("held"), units: held_units },
    { sign: "=", name: over ? t("over") : t("left"), units: over ? value : available_credits },
  ].filter(({ name, units }) => ![t("expired"), t("held")].includes(name) || units.gt(0));
  return (
    <p class="sum" title={t("As the API shows the balance: {n}", { n: exact(value) })}>
      {parts.map(({ sign, name, units }) => (
        <span key={name}>
          {sign && `${sign} `}
          <strong>{figure(meter, units)}</strong> {name}{" "}
        </span>
      ))}
    </p>
  );
}

const WHOLE_FROM = 100;

interface ForecastProps {
  customerId: string;
  meter: Meter;
  available: Big;
}

/** A rate for reading: whole where it is large, and three digits of what is small. */
const aboutOf = (perDay: Big): Big => (perDay.lt(WHOLE_FROM) ? perDay.prec(3) : perDay.round(0));

/** How long it lasts at the rates of the last week and month, with what that is reckoned from. */
function Forecast({ customerId, meter, available }: ForecastProps): JSX.Element | null {
  const month = useMonth(meter.id, customerId);
  if (!month.data?.used_units) return null;
  const [week, whole] = rates(
    month.data.quantities.map((one) => one.used_units ?? ZERO),
    available,
  );
  const rate = week?.lasts ? week : whole;
  if (!rate?.lasts) return <p class="hint">{t("Nothing was used in 30 days.")}</p>;
  const meaning = t("{amount} a day on average of the last {days} days", {
    amount: amount(meter, unscaled(meter, aboutOf(scaled(meter, rate.perDay)))),
    days: rate.days,
  });
  return (
    <p class="hint forecast">
      <strong>
        {isForYears(rate.lasts)
          ? t("Lasts over 10 years")
          : counted(rate.lasts, "Lasts about {n} day", "Lasts about {n} days")}
      </strong>{" "}
      · {meaning}
      {whole?.lasts &&
        rate !== whole &&
        !isForYears(whole.lasts) &&
        ` · ${t("{n} at the rate of 30 days", { n: rounded(whole.lasts) })}`}
    </p>
  );
}
