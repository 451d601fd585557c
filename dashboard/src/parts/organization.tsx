// The organization's settings: what it is called, and what its customers see of it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { changedOnly, useGuard } from "../data/edits";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Organization } from "../data/shapes";
import { amend } from "../router";
import { zones } from "../text/times";
import { t } from "../text/words";
import { Button, Copyable } from "./actions";
import { announce } from "./announcements";
import { Await } from "./await";
import { Conflict } from "./conflict";
import { Dialog } from "./dialog";
import { Form, SelectField, TextField, useSending } from "./forms";
import { propertiesOf } from "./meter_form";
import "./organization.css";
import { Card, Notice } from "./page";

const FIELDS = ["name", "colour", "time_zone", "origins", "portal_metadata_keys"];
const PATH = "/v1/organizations/current";
const A_COLOUR = "#f0b429";

export function OrganizationCard({ query }: { query: URLSearchParams }): JSX.Element {
  const { allows } = useSession();
  const found = useRead(PATH, {}, { skip: !allows("organizations:read") });
  const close = (): void => amend({ open: "" });
  return (
    <Card
      title={t("Organization")}
      actions={
        <Button needs="organizations:write" onClick={() => amend({ open: "organization" })}>
          {t("Edit")}
        </Button>
      }
    >
      {!allows("organizations:read") ? (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: "organizations:read" })}</Notice>
      ) : (
        <Await of={found}>
          {(organization) => (
            <>
              <Facts organization={organization} />
              {query.get("open") === "organization" && (
                <Dialog title={t("Edit organization")} onClose={close}>
                  <EditOrganization organization={organization} onClose={close} />
                </Dialog>
              )}
            </>
          )}
        </Await>
      )}
    </Card>
  );
}

function Facts({ organization }: { organization: Organization }): JSX.Element {
  const { id, name, colour, time_zone, origins, portal_metadata_keys: shown } = organization;
  return (
    <dl class="facts">
      <dt>{t("Name")}</dt>
      <dd>{name}</dd>
      <dt>ID</dt>
      <dd>
        <Copyable what={t("organization id")} text={id} />
      </dd>
      <dt>{t("Colour")}</dt>
      <dd>
        {colour ? (
          <span class="colour">
            <span class="swatch" style={{ background: colour }} /> <code>{colour}</code>
          </span>
        ) : (
          t("not set")
        )}
      </dd>
      <dt>{t("Time zone")}</dt>
      <dd>{time_zone ?? t("not set")}</dd>
      <dt>{t("Pages that may show the portal")}</dt>
      <dd>{origins.join(", ") || t("none")}</dd>
      <dt>{t("Metadata that customers see")}</dt>
      <dd>{shown.join(", ") || t("none")}</dd>
    </dl>
  );
}

/** What may be changed, as it is typed, and as the API takes it. */
const typedOf = (organization: Organization) => ({
  name: organization.name,
  colour: organization.colour ?? "",
  zone: organization.time_zone ?? "",
  origins: organization.origins.join(", "),
  shown: organization.portal_metadata_keys.join(", "),
});

const bodyOf = ({ name, colour, zone, origins, shown }: ReturnType<typeof typedOf>) => ({
  name: name.trim(),
  colour: colour.trim().toLowerCase() || null,
  time_zone: zone || null,
  origins: propertiesOf(origins),
  portal_metadata_keys: propertiesOf(shown),
});

interface EditProps {
  organization: Organization;
  onClose(): void;
}

function EditOrganization({ organization, onClose }: EditProps): JSX.Element {
  const { api, refresh, renew } = useSession();
  const { values, set, forget } = useDraft("organization", () => ({
    ...typedOf(organization),
    opened: organization,
  }));
  const { opened } = values;
  const [tried, setTried] = useState(false);
  const sending = useSending(FIELDS);
  const guard = useGuard(opened, () => api.get<Organization>(PATH));
  const nameless = values.name.trim() === "" ? t("A name is required.") : "";
  const close = (): void => {
    forget();
    onClose();
  };
  const submit = (): void => {
    setTried(true);
    if (nameless) return;
    void sending.send(async () => {
      const changes = changedOnly(bodyOf(typedOf(opened)), bodyOf(values));
      if (Object.keys(changes).length > 0) {
        if (!(await guard.unchanged())) return;
        await api.patch(PATH, changes);
      }
      close();
      announce(t("Saved"));
      void refresh();
      // Its name and its zone are said everywhere.
      await renew();
    });
  };
  const { theirs } = guard;
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      {theirs && (
        <Conflict
          changes={[
            [t("Name"), theirs.name],
            [t("Colour"), theirs.colour ?? t("not set")],
            [t("Time zone"), theirs.time_zone ?? t("not set")],
            [t("Pages that may show the portal"), theirs.origins.join(", ") || t("none")],
            [t("Metadata that customers see"), theirs.portal_metadata_keys.join(", ") || t("none")],
          ]}
        />
      )}
      <TextField
        label={t("Name")}
        autoFocus
        value={values.name}
        maxLength={256}
        onChange={(name) => set({ name })}
        problem={(tried ? nameless : "") || sending.at("name")}
      />
      <div class="pair-of-fields">
        <div class="colour-field">
          <TextField
            label={t("Colour")}
            optional
            mono
            value={values.colour}
            placeholder={A_COLOUR}
            onChange={(colour) => set({ colour })}
            problem={sending.at("colour")}
          />
          <input
            type="color"
            aria-label={t("Choose the colour")}
            value={/^#[0-9a-f]{6}$/i.test(values.colour) ? values.colour : A_COLOUR}
            onInput={(event) => set({ colour: event.currentTarget.value })}
          />
        </div>
        <SelectField
          label={t("Time zone")}
          value={values.zone}
          onChange={(zone) => set({ zone })}
          options={[
            { value: "", label: t("not set") },
            ...[...new Set([...(values.zone ? [values.zone] : []), ...zones()])].map((value) => ({
              value,
              label: value,
            })),
          ]}
          hint={t("For dates and days here, until somebody chooses another.")}
          problem={sending.at("time_zone")}
        />
      </div>
      <TextField
        label={t("Pages that may show the portal")}
        optional
        mono
        value={values.origins}
        placeholder="https://app.example.com"
        hint={t("Origins, separated by commas: they may embed the customers' page and call its API.")}
        onChange={(origins) => set({ origins })}
        problem={sending.at("origins")}
      />
      <TextField
        label={t("Metadata that customers see")}
        optional
        mono
        value={values.shown}
        placeholder="model, project"
        hint={t("Keys of their events' metadata, separated by commas. Customers see no others.")}
        onChange={(shown) => set({ shown })}
        problem={sending.at("portal_metadata_keys")}
      />
      <div class="form-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="organizations:write">
          {t("Save")}
        </Button>
      </div>
    </Form>
  );
}
