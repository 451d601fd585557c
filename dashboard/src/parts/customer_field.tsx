import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useLoad, useSettled } from "../loading";
import { useSession } from "../session";
import type { Customer, List } from "../shapes";
import { TextField } from "./forms";

/** A customer as an event names it: one that is known, or by an external id that nobody has yet. */
export type Named = { customer_id: string } | { external_customer_id: string };

const TYPING_MILLISECONDS = 200;

interface CustomerFieldProps {
  label: string;
  text: string;
  onText(text: string): void;
  onFound(customer: Customer | undefined): void;
  problem?: string;
  hint?: string;
}

/** Finds a customer by email, name, external id or id, while it is typed. */
export function CustomerField({ label, text, onText, onFound, problem, hint }: CustomerFieldProps): JSX.Element {
  const { api, allows } = useSession();
  const query = useSettled(text.trim(), TYPING_MILLISECONDS);
  const found = useLoad(
    async (signal) => (await api.get<List<Customer>>("v1/customers/", { query, limit: 8 }, signal)).items,
    [query],
    { skip: !allows("customers:read") },
  );
  const same = found.data?.find((one) => [one.email, one.external_id, one.id].includes(text.trim()));
  useEffect(() => onFound(same), [same?.id]);
  return (
    <TextField
      label={label}
      value={text}
      onChange={onText}
      placeholder="Email or external id"
      problem={problem}
      hint={same ? `${same.name ?? same.email}${same.name ? `, ${same.email}` : ""}` : hint}
      options={found.data?.map((one) => one.email)}
    />
  );
}
