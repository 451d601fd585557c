// A token that sends events can be restricted to some of them: by name, or by the meters that count them.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Scope, Token } from "../data/shapes";
import { t } from "../text/words";
import { TextField } from "./forms";
import { propertiesOf } from "./meter_form";
import "./token_form.css";

const MOST_METERS = 100;
const RESTRICTABLE: Scope = "events:write";

interface Values {
  scopes: Scope[];
  names: string;
  meterIds: string[];
}

/** Only a token that does nothing but send events. */
export const isRestrictable = (scopes: Scope[]): boolean => scopes.join() === RESTRICTABLE;

/** What the API takes: nothing, where nothing is named. */
export function restrictionOf({ scopes, names, meterIds }: Values) {
  const event_names = propertiesOf(names);
  if (!isRestrictable(scopes) || event_names.length + meterIds.length === 0) return null;
  return { event_names, meter_ids: meterIds };
}

interface FieldsProps {
  values: Values;
  set(part: Partial<Values>): void;
  problem: string;
}

export function RestrictionFields({ values, set, problem }: FieldsProps): JSX.Element {
  const { allows } = useSession();
  const { names, meterIds } = values;
  const meters = useRead("/v1/meters/", { query: { limit: MOST_METERS } }, { skip: !allows("meters:read") });
  const toggle = (id: string, on: boolean): void =>
    set({ meterIds: on ? [...meterIds, id] : meterIds.filter((one) => one !== id) });
  return (
    <fieldset>
      <legend>{t("Only some events")}</legend>
      <TextField
        label={t("Of these names")}
        optional
        mono
        value={names}
        placeholder="api_usage, image_usage"
        hint={t("Separated by commas. With none, and no meter, the token may send any.")}
        onChange={(names) => set({ names })}
        problem={problem}
      />
      {meters.data && meters.data.items.length > 0 && (
        <>
          <p class="label">{t("Or that these meters count")}</p>
          <div class="scope-list">
            {meters.data.items.map(({ id, name }) => (
              <label key={id} class="check">
                <input
                  type="checkbox"
                  checked={meterIds.includes(id)}
                  onChange={(event) => toggle(id, event.currentTarget.checked)}
                />
                <span>{name}</span>
              </label>
            ))}
          </div>
        </>
      )}
    </fieldset>
  );
}

/** What a token is restricted to, beside its scopes. */
export function Restricted({ token }: { token: Token }): JSX.Element | null {
  const { allows } = useSession();
  const { restrict_to: only } = token;
  const meters = useRead(
    "/v1/meters/",
    { query: { limit: MOST_METERS } },
    { skip: !only?.meter_ids.length || !allows("meters:read") },
  );
  if (!only) return null;
  const named = only.meter_ids.map((id) => meters.data?.items.find((one) => one.id === id)?.name ?? id);
  return <small>{t("only {what}", { what: [...only.event_names, ...named].join(", ") })}</small>;
}
