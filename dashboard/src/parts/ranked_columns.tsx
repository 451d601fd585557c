// What is told of each customer in the list of a meter's balances.
import type { JSX } from "preact";
import type { Meter, RatedBalance } from "../data/shapes";
import { isForYears } from "../text/forecast";
import { figure, left, leftAlone, scaled, titleOf, unitOf } from "../text/meters";
import { type Big, exact, ZERO } from "../text/numbers";
import { counted, t } from "../text/words";
import { Ago } from "./ago";
import { type Column, Named } from "./table";

export function columnsOf(meter: Meter): Column<RatedBalance>[] {
  const unit = unitOf(meter) || t("credits");
  const used = (one: RatedBalance, place: number): Big => one.rates[place]?.used_units ?? ZERO;
  return [
    {
      name: t("Customer"),
      show: (one) => <Named name={titleOf(one.customer)} below={one.customer.email} />,
      csv: (one) => titleOf(one.customer),
    },
    {
      name: t("Left ({unit})", { unit }),
      sort: "left",
      number: true,
      show: (one) => (
        <>
          <span class={one.balance.gt(0) ? "over" : ""} title={left(meter, one)}>
            {leftAlone(meter, one)}
          </span>
          {one.held_units.gt(0) && <small>{t("{n} held", { n: figure(meter, one.held_units) })}</small>}
          {!one.complete && <span class="badge">{t("incomplete")}</span>}
        </>
      ),
      csv: (one) => scaled(meter, one.balance.times(-1)),
    },
    {
      name: t("Lasts about"),
      number: true,
      show: (one) => <Lasts balance={one} />,
      csv: (one) => one.rates[0]?.lasts_days ?? "",
    },
    {
      name: t("Used in 7 days"),
      number: true,
      show: (one) => (
        <>
          {figure(meter, used(one, 0))}
          <small>{t("{n} in 30", { n: figure(meter, used(one, 1)) })}</small>
        </>
      ),
      csv: (one) => scaled(meter, used(one, 0)),
    },
    {
      name: t("Granted"),
      number: true,
      show: (one) => figure(meter, one.granted_units),
      csv: (one) => scaled(meter, one.granted_units),
    },
    {
      name: t("Last change"),
      number: true,
      show: (one) => <Ago time={one.modified_at} />,
      csv: (one) => one.modified_at,
    },
  ];
}

/** The columns of a file: what is held has one of its own there. */
export function fileColumnsOf(meter: Meter): Column<RatedBalance>[] {
  const held = (one: RatedBalance): Big => scaled(meter, one.held_units);
  return [...columnsOf(meter), { name: t("Held"), show: held, csv: held }];
}

/** How long it lasts at the rate of a week; at that of a month, where nothing was used for a week. */
export function Lasts({ balance }: { balance: RatedBalance }): JSX.Element {
  const [week, month] = balance.rates.map((rate) => rate.lasts_days);
  const first = week ?? month;
  if (!first || balance.balance.gte(0)) return <span class="absent">–</span>;
  return (
    <>
      {isForYears(first) ? t("over 10 years") : counted(first, "{n} day", "{n} days")}
      {week && month && !week.eq(month) && !isForYears(month) && (
        <small>{t("{n} at the rate of 30 days", { n: exact(month) })}</small>
      )}
    </>
  );
}
