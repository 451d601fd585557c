// What meters count, in words.
import type { Aggregation, Balance, Clause, Customer, Filter, Func, Meter, Operator } from "../data/shapes";
import { Big, exact, rounded } from "./numbers";
import { counted, type Message, t } from "./words";

export const OPERATORS: Record<Operator, Message> = {
  eq: "is",
  ne: "is not",
  gt: "is more than",
  gte: "is at least",
  lt: "is less than",
  lte: "is at most",
  like: "contains",
  not_like: "does not contain",
};

export const FUNCTIONS: Record<Func, { label: Message; hint: Message; of: Message }> = {
  sum: {
    label: "Sum",
    hint: "Adds up a number of each event. Credits can be granted.",
    of: "Sum of {property}",
  },
  count: { label: "Count", hint: "Counts events.", of: "Count of events" },
  avg: { label: "Average", hint: "The mean of a number.", of: "Average of {property}" },
  max: { label: "Maximum", hint: "The greatest number.", of: "Maximum of {property}" },
  min: { label: "Minimum", hint: "The least number.", of: "Minimum of {property}" },
  unique: { label: "Unique", hint: "Counts different values.", of: "Unique values of {property}" },
};

export const isFilter = (one: Clause | Filter): one is Filter => "clauses" in one;

/** What a meter measures: `Sum of units, where name is “api_usage”`. */
export function describe({ aggregation, filter }: Meter): string {
  const measured = describeAggregation(aggregation);
  if (filter.clauses.length > 0)
    return t("{measured}, where {filter}", { measured, filter: describeFilter(filter) });
  return aggregation.func === "count" ? measured : t("{measured}, of all events", { measured });
}

export function describeFilter(filter: Filter): string {
  if (filter.clauses.length === 0) return t("all events");
  const conjunction = t(filter.conjunction === "and" ? "and" : "or");
  return filter.clauses
    .map((clause) => {
      if (isFilter(clause)) return `(${describeFilter(clause)})`;
      return `${clause.property} ${t(OPERATORS[clause.operator])} ${describeValue(clause.value)}`;
    })
    .join(` ${conjunction} `);
}

export function describeValue(value: unknown): string {
  return value instanceof Big ? exact(value) : typeof value === "string" ? `“${value}”` : String(value);
}

export function describeAggregation({ func, property }: Aggregation): string {
  return t(FUNCTIONS[func].of, { property: property ?? "" });
}

const LEAST_NAME_CHARACTERS = 3;

/** What is wrong with a meter's name; empty where nothing is. */
export const nameProblem = (name: string): string =>
  name.trim().length < LEAST_NAME_CHARACTERS
    ? t("A name has at least {n} characters.", { n: LEAST_NAME_CHARACTERS })
    : "";

/** Whether a balance of this meter is credits: what else it may be has no "left". */
export const hasCredits = (meter: Meter): boolean => ["sum", "count"].includes(meter.aggregation.func);

/** Whether a meter still counts what happened before it was made: one that is archived counts nothing. */
export const isCounting = ({ backfill, archived_at }: Meter): boolean =>
  !archived_at && backfill?.complete === false;

/** What of a meter says in which unit its figures are shown. */
export type Unit = Pick<Meter, "unit" | "custom_label" | "custom_multiplier">;

const ONE = new Big(1);
/** Sums have no more digits than this behind the mark: with more, it is a quotient that may have no end. */
const MOST_FRACTION = 12;
/** What the API keeps of an amount. */
const KEPT_FRACTION = 9;

/** How many of what events count make one of what is shown: 1,000,000,000 bytes, a GB. */
const multiplierOf = (meter: Unit | undefined): Big =>
  (meter?.unit === "custom" && meter.custom_multiplier) || ONE;

/** What events count, in the unit that is shown: of 1,500,000,000 bytes 1.5, in GB. */
export function scaled(meter: Unit | undefined, value: Big): Big {
  const multiplier = multiplierOf(meter);
  return multiplier.eq(ONE) ? value : value.div(multiplier);
}

/** What somebody types in the unit that is shown, as events count it: of 1.5, in GB, 1,500,000,000. */
export function unscaled(meter: Unit | undefined, shown: Big): Big {
  const multiplier = multiplierOf(meter);
  return multiplier.eq(ONE) ? shown : shown.times(multiplier).round(KEPT_FRACTION);
}

/** How many digits behind the mark a unit has that is money, by its code, as in `EUR`; else 0. */
function decimalsOf(meter: Meter | undefined): number {
  const unit = unitOf(meter);
  if (!/^[A-Z]{3}$/.test(unit) || !Intl.supportedValuesOf("currency").includes(unit)) return 0;
  const money = new Intl.NumberFormat("en", { style: "currency", currency: unit });
  return money.resolvedOptions().minimumFractionDigits ?? 0;
}

/** A figure of a meter, in its unit but without its name. */
export const figure = (meter: Meter | undefined, value: Big): string => digits(meter, scaled(meter, value));

/** The same of what is scaled already: averages and other quotients are rounded; money has its decimals. */
export function digits(meter: Meter | undefined, value: Big): string {
  const { length } = value.toFixed().split(".")[1] ?? "";
  const isQuotient = meter?.aggregation.func === "avg" || length > MOST_FRACTION;
  return (isQuotient ? rounded : exact)(value, decimalsOf(meter));
}

/** What a meter's figures count, where they are not plain credits: `tokens`, `seconds`. */
export function unitOf(meter: Unit | undefined): string {
  if (meter?.unit === "token") return t("tokens");
  return (meter?.unit === "custom" && meter.custom_label) || "";
}

/** So many of what a meter counts: `1 credit`, `10 credits`, `10 seconds`. */
export function amount(meter: Meter | undefined, value: Big): string {
  const unit = unitOf(meter);
  if (meter?.unit === "token") return counted(value, "{n} token", "{n} tokens");
  return unit ? `${figure(meter, value)} ${unit}` : counted(value, "{n} credit", "{n} credits");
}

/** What a customer has left, in words: `10 credits left`, `1 over`. */
export function left(meter: Meter, balance: Pick<Balance, "balance" | "available_credits">): string {
  if (!hasCredits(meter)) return `${figure(meter, balance.balance)} ${unitOf(meter)}`.trim();
  const { available_credits: available } = balance;
  if (available.gt(0)) return t("{amount} left", { amount: amount(meter, available) });
  return balance.balance.gt(0)
    ? t("{n} over", { n: figure(meter, balance.balance) })
    : t("No {unit} left", { unit: unitOf(meter) || t("credits") });
}

/** The same below a heading that says what is left: `10`, `1 over`. */
export function leftAlone(meter: Meter, balance: Balance): string {
  if (!hasCredits(meter)) return figure(meter, balance.balance);
  const over = balance.balance.gt(0) && balance.available_credits.eq(0);
  return over
    ? t("{n} over", { n: figure(meter, balance.balance) })
    : figure(meter, balance.available_credits);
}

/** A balance without its sign: `7 in credit`, `1 over`. */
export function standing(balance: Big, meter?: Meter): string {
  if (balance.eq(0)) return "0";
  return balance.lt(0)
    ? t("{n} in credit", { n: figure(meter, balance.abs()) })
    : t("{n} over", { n: figure(meter, balance) });
}

/** A customer's e-mail address; none where what there is only stands for one. */
export const emailOf = ({ email }: Pick<Customer, "email">): string =>
  email.endsWith("@no-email.invalid") ? "" : email;

/** What a customer is called: a name, an e-mail address, or the id that the seller knows. */
export const titleOf = (customer: Pick<Customer, "id" | "name" | "email" | "external_id">): string =>
  customer.name || emailOf(customer) || customer.external_id || customer.id;
