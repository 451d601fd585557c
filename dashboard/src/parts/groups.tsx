// What a meter's quantities are made of: the greatest values of a property, or customers.
import type { JSX } from "preact";
import type { Meter, QuantityGroup } from "../data/shapes";
import { href } from "../router";
import { figure, hasCredits, scaled, titleOf, unitOf } from "../text/meters";
import { type Big, exact, percent } from "../text/numbers";
import { t } from "../text/words";
import { Shade } from "./chart";
import "./groups.css";
import { CsvButton } from "./pager";
import { type Column, Named, Table } from "./table";

/** The shade of all that is not told apart. */
export const OTHER_SHADE = 8;

export const propertyName = (name: string): string => (name === "customer" ? t("Customer") : name);

/** What the events of a group have in common. */
export function groupName({ kind, value, customer }: QuantityGroup): string {
  if (customer) return titleOf(customer);
  if (kind === "other") return t("Others");
  if (kind === "none") return t("without");
  if (kind === "customer") return t("Not a customer yet");
  return value !== null && typeof value === "object" ? exact(value) : String(value);
}

interface GroupsProps {
  groups: QuantityGroup[];
  meter: Meter | undefined;
  property: string;
  total: Big;
}

interface Row {
  group: QuantityGroup;
  shade: number;
  quantity: Big;
}

export function Groups({ groups, meter, property, total }: GroupsProps): JSX.Element {
  const rows: Row[] = groups.map((group, place) => ({
    group,
    shade: group.kind === "other" ? OTHER_SHADE : place,
    quantity: group.used_units ?? group.total,
  }));
  const unit = unitOf(meter);
  const shares = meter && hasCredits(meter) && total.gt(0);
  const columns: Column<Row>[] = [
    {
      name: propertyName(property),
      show: ({ group, shade }) => (
        <span class="group-name">
          <Shade of={shade} />
          <span>
            <Named name={groupName(group)} below={group.customer?.email} />
          </span>
        </span>
      ),
      csv: ({ group }) => groupName(group),
    },
    {
      name: unit ? `${t("Quantity")} (${unit})` : t("Quantity"),
      number: true,
      show: ({ quantity }) => figure(meter, quantity),
      csv: ({ quantity }) => scaled(meter, quantity),
    },
    ...(shares
      ? [{ name: t("Share"), number: true, show: ({ quantity }: Row) => percent(quantity, total) }]
      : []),
  ];
  return (
    <div class="groups">
      <Table
        caption={t("By {property}", { property: propertyName(property) })}
        columns={columns}
        rows={rows}
        keyOf={({ shade }) => String(shade)}
        linkOf={({ group }) => (group.customer ? href(["customers", group.customer.id]) : undefined)}
      />
      <CsvButton name={property} columns={columns} rows={rows} />
    </div>
  );
}
