import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useSession } from "../session";
import type { Customer } from "../shapes";
import { Button } from "./actions";
import { Form, TextField, useSending } from "./forms";
import { Notice } from "./layout";

const MOST_NAME_CHARACTERS = 256;
// Only what is surely wrong is said while somebody types: the API has the last word.
const EMAIL = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/;

interface CustomerFormProps {
  customer?: Customer;
  onDone(customer: Customer): void;
  onCancel(): void;
}

/** Adds a customer, or changes one: an external id that is set once can't be changed. */
export function CustomerForm({ customer, onDone, onCancel }: CustomerFormProps): JSX.Element {
  const { api } = useSession();
  const [email, setEmail] = useState(customer?.email ?? "");
  const [name, setName] = useState(customer?.name ?? "");
  const [externalId, setExternalId] = useState(customer?.external_id ?? "");
  const [tried, setTried] = useState(false);
  const sending = useSending(["email", "name", "external_id"]);
  const fixed = Boolean(customer?.external_id);

  const wrong = email.trim() === "" ? "An email is required." : EMAIL.test(email.trim()) ? "" : "This is not an email address yet.";
  const submit = (): void => {
    setTried(true);
    if (wrong) return;
    void sending.send(async () => {
      const body = {
        email: email.trim(),
        name: name.trim() || null,
        ...(fixed ? {} : { external_id: externalId.trim() || null }),
      };
      const saved = customer
        ? await api.patch<Customer>(`v1/customers/${customer.id}`, body)
        : await api.post<Customer>("v1/customers/", body);
      onDone(saved);
    });
  };
  const edit = (set: (value: string) => void) => (value: string) => {
    set(value);
    sending.clear();
  };
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <TextField
        label="Email"
        type="email"
        inputMode="email"
        autoFocus
        value={email}
        placeholder="user@example.com"
        onChange={edit(setEmail)}
        problem={(email || tried ? wrong : "") || sending.at("email")}
      />
      <TextField
        label="Name"
        optional
        value={name}
        maxLength={MOST_NAME_CHARACTERS}
        onChange={edit(setName)}
        problem={sending.at("name")}
      />
      <TextField
        label="External ID"
        optional={!fixed}
        mono
        value={externalId}
        disabled={fixed}
        onChange={edit(setExternalId)}
        problem={sending.at("external_id")}
        hint={
          fixed
            ? "Set once, it can't be changed."
            : "Recommended: the id that your own system has for this user. Events can name the customer by it. It is set once and can't be changed."
        }
      />
      <div class="form-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="customers:write">
          {customer ? "Save" : "Add customer"}
        </Button>
      </div>
    </Form>
  );
}
