// Whose things a list shows: a customer, by email, external id or id.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import { titleOf } from "../text/meters";
import { t } from "../text/words";
import { CustomerField } from "./customer_field";
import "./event_filters.css";
import { Icon } from "./icons";

interface CustomerFilterProps {
  /** `customer_id`, or an `external_customer_id` that nobody has yet. */
  terms: Record<string, string | undefined>;
  choose(changed: Record<string, string>): void;
}

/** Limits a list to one customer, who is searched for while the name is typed. */
export function CustomerFilter({ terms, choose }: CustomerFilterProps): JSX.Element {
  const { allows } = useSession();
  const [text, setText] = useState(terms.external_customer_id ?? "");
  const id = terms.customer_id ?? "";
  const customer = useRead(
    "/v1/customers/{id}",
    { path: { id } },
    { skip: !id || !allows("customers:read") },
  );
  if (id) {
    const name = customer.data ? titleOf(customer.data) : id;
    return (
      <div class="field">
        <span class="label">{t("Customer")}</span>
        <span class="chip">
          <span class="clip">{name}</span>
          <button
            type="button"
            class="button quiet small"
            aria-label={t("All customers, not only {name}", { name })}
            onClick={() => {
              setText("");
              choose({ customer_id: "" });
            }}
          >
            <Icon name="close" />
          </button>
        </span>
      </div>
    );
  }
  return (
    <CustomerField
      label={t("Customer")}
      text={text}
      onText={(typed) => {
        setText(typed);
        choose({ external_customer_id: typed.trim() });
      }}
      onFound={(found) => {
        if (found) choose({ customer_id: found.id, external_customer_id: "" });
      }}
    />
  );
}
