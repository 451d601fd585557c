import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useSession } from "../data/session";
import type { Customer } from "../data/shapes";
import { go, href } from "../router";
import { titleOf } from "../text/meters";
import { t } from "../text/words";
import { Button } from "./actions";
import { announce } from "./announcements";
import { Form, useSending } from "./forms";
import { Notice } from "./page";

export function DeleteCustomer({
  customer,
  onCancel,
}: {
  customer: Customer;
  onCancel(): void;
}): JSX.Element {
  const { api } = useSession();
  const [anonymize, setAnonymize] = useState(false);
  const sending = useSending([]);
  const submit = (): void =>
    void sending.send(async () => {
      await api.delete(`v1/customers/${customer.id}`, { anonymize });
      announce(t("{name} was deleted", { name: titleOf(customer) }));
      go(href(["customers"]));
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        <strong>{titleOf(customer)}</strong>
      </p>
      <p>
        {t(
          "Nothing can be charged or granted any more, and the email and external id can be used again. The events stay in the log.",
        )}
      </p>
      <label class="check">
        <input
          type="checkbox"
          checked={anonymize}
          onChange={(event) => setAnonymize(event.currentTarget.checked)}
        />
        <span>{t("Erase the email and the name too")}</span>
      </label>
      <div class="form-actions">
        <Button onClick={onCancel}>{t("Cancel")}</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="customers:write">
          {t("Delete customer")}
        </Button>
      </div>
    </Form>
  );
}
