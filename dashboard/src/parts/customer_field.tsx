import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { type Api, Refused } from "../data/client";
import { useQuery, useSettled } from "../data/query";
import { useSession } from "../data/session";
import type { Customer, List } from "../data/shapes";
import { t } from "../text/words";
import { TextField } from "./forms";

const TYPING_MILLISECONDS = 200;
const MOST_OFFERED = 8;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Customers that have a text in their email, name or external id, or that have it as their id. */
export async function customersLike(api: Api, text: string, signal?: AbortSignal): Promise<Customer[]> {
  if (!ID.test(text)) {
    return (await api.get<List<Customer>>("v1/customers/", { query: text, limit: MOST_OFFERED }, signal))
      .items;
  }
  try {
    return [await api.get<Customer>(`v1/customers/${text}`, {}, signal)];
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return [];
    throw error;
  }
}

const named = (customers: Customer[], text: string): Customer | undefined =>
  customers.find(
    (one) => one.email.toLowerCase() === text.toLowerCase() || one.external_id === text || one.id === text,
  );

/** The customer whom a text names in full, if there is one: for who doesn't wait until it is found. */
export const customerNamed = async (api: Api, text: string): Promise<Customer | undefined> =>
  named(await customersLike(api, text), text);

interface CustomerFieldProps {
  label: string;
  text: string;
  onText(text: string): void;
  onFound(customer: Customer | undefined): void;
  problem?: string;
  hint?: string;
}

/** Finds a customer by email, external id or id, while it is typed. */
export function CustomerField({
  label,
  text,
  onText,
  onFound,
  problem,
  hint,
}: CustomerFieldProps): JSX.Element {
  const { api, allows } = useSession();
  const query = useSettled(text.trim(), TYPING_MILLISECONDS);
  const found = useQuery(
    { queryKey: ["customers like", query], queryFn: ({ signal }) => customersLike(api, query, signal) },
    { skip: !allows("customers:read") },
  );
  const same = named(found.data ?? [], text.trim());
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another customer is news.
  useEffect(() => onFound(same), [same?.id]);
  return (
    <TextField
      label={label}
      value={text}
      onChange={onText}
      placeholder={t("Email or external id")}
      problem={problem}
      hint={same ? `${same.name ?? same.email}${same.name ? `, ${same.email}` : ""}` : hint}
      options={found.data?.map((one) => one.email)}
    />
  );
}
