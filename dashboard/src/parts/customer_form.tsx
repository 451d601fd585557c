import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { changedOnly, useGuard } from "../data/edits";
import { useSession } from "../data/session";
import type { Customer } from "../data/shapes";
import { t } from "../text/words";
import { Button } from "./actions";
import { Conflict } from "./conflict";
import { Form, TextField, useSending } from "./forms";
import { Notice } from "./page";

const MOST_NAME_CHARACTERS = 256;
// Only what is surely wrong is said while somebody types: the API has the last word.
const EMAIL = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/;

interface CustomerFormProps {
  customer?: Customer;
  onDone(customer: Customer): void;
  onCancel(): void;
}

interface Fields {
  email: string;
  name: string;
  externalId: string;
}

const body = ({ email, name, externalId }: Fields) => ({
  email: email.trim(),
  name: name.trim() || null,
  external_id: externalId.trim() || null,
});

const fieldsOf = (customer?: Customer): Fields => ({
  email: customer?.email ?? "",
  name: customer?.name ?? "",
  externalId: customer?.external_id ?? "",
});

/** Adds a customer, or changes one: an external id that is set once can't be changed. */
export function CustomerForm({ customer, onDone, onCancel }: CustomerFormProps): JSX.Element {
  const { api } = useSession();
  const { values, set, forget } = useDraft(`customer/${customer?.id ?? "new"}`, () => ({
    ...fieldsOf(customer),
    opened: customer,
  }));
  const { opened } = values;
  const [tried, setTried] = useState(false);
  const sending = useSending(["email", "name", "external_id"]);
  const guard = useGuard({ modified_at: null, ...opened } as Customer, () =>
    api.get<Customer>(`v1/customers/${opened?.id}`),
  );
  const fixed = Boolean(opened?.external_id);

  const email = values.email.trim();
  const wrong =
    email === ""
      ? t("An email is required.")
      : EMAIL.test(email)
        ? ""
        : t("This is not an email address yet.");
  const finish = (done: () => void) => () => {
    forget();
    done();
  };
  const submit = (): void => {
    setTried(true);
    if (wrong) return;
    void sending.send(async () => {
      const now = body(values);
      if (!opened) {
        const added = await api.post<Customer>("v1/customers/", now);
        finish(() => onDone(added))();
        return;
      }
      const changes = changedOnly(body(fieldsOf(opened)), now);
      if (Object.keys(changes).length > 0 && !(await guard.unchanged())) return;
      const saved =
        Object.keys(changes).length > 0
          ? await api.patch<Customer>(`v1/customers/${opened.id}`, changes)
          : opened;
      finish(() => onDone(saved))();
    });
  };
  const edit = (name: keyof Fields) => (value: string) => {
    set({ [name]: value });
    sending.clear();
  };
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      {guard.theirs && opened && <Conflict changes={differences(opened, guard.theirs)} />}
      <TextField
        label={t("Email")}
        type="email"
        inputMode="email"
        autoFocus
        value={values.email}
        placeholder="user@example.com"
        onChange={edit("email")}
        problem={(values.email || tried ? wrong : "") || sending.at("email")}
      />
      <TextField
        label={t("Name")}
        optional
        value={values.name}
        maxLength={MOST_NAME_CHARACTERS}
        onChange={edit("name")}
        problem={sending.at("name")}
      />
      <TextField
        label={t("External ID")}
        optional={!fixed}
        mono
        value={values.externalId}
        disabled={fixed}
        onChange={edit("externalId")}
        problem={sending.at("external_id")}
        hint={
          fixed
            ? t("Once set, it can't be changed.")
            : t(
                "Recommended: your own system's id for this user. Events can name the customer by it. Once set, it can't be changed.",
              )
        }
      />
      <div class="form-actions">
        <Button onClick={finish(onCancel)}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="customers:write">
          {customer ? t("Save") : t("Add customer")}
        </Button>
      </div>
    </Form>
  );
}

/** What somebody else has changed of the fields of this form. */
function differences(opened: Customer, theirs: Customer): [string, string][] {
  const names = { email: t("Email"), name: t("Name"), external_id: t("External ID") };
  return Object.entries(names).flatMap(([key, name]) => {
    const now = theirs[key as keyof typeof names];
    return now === opened[key as keyof typeof names] ? [] : [[name, now ?? "–"]];
  });
}
