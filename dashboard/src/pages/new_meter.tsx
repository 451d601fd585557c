import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { newFilter, toFilter } from "../data/filter_draft";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Aggregation, Func, Meter } from "../data/shapes";
import { type ThresholdDraft, toThresholds } from "../data/threshold_draft";
import { Button } from "../parts/actions";
import { announce } from "../parts/announcements";
import { Await } from "../parts/await";
import { FilterEditor } from "../parts/filter_editor";
import { Form, SelectField, TextField, useSending } from "../parts/forms";
import { decides, LimitsField } from "../parts/limits_field";
import { GroupsField, propertiesOf } from "../parts/meter_form";
import { Previewed, usePreview } from "../parts/meter_preview";
import { Card, Empty, Notice, Page } from "../parts/page";
import { ThresholdFields } from "../parts/threshold_fields";
import { UnitField, unitBody, unitDraft, unitProblem } from "../parts/unit_field";
import { go, href } from "../router";
import { FUNCTIONS, nameProblem, type Unit } from "../text/meters";
import { canAlert } from "../text/thresholds";
import { t } from "../text/words";

const CREDITS: Unit = { unit: "scalar", custom_label: null, custom_multiplier: null };

export function NewMeterPage(): JSX.Element {
  const { api, allows, refresh } = useSession();
  const { values, set, forget } = useDraft("meter/new", () => ({
    name: "",
    filter: newFilter(),
    func: "sum" as Func,
    property: "",
    ...unitDraft(CREDITS),
    limits: "auto" as Meter["limits_spending"],
    groups: "",
    thresholds: [] as ThresholdDraft[],
  }));
  const { name, func, property } = values;
  const [tried, setTried] = useState(false);
  const sending = useSending([
    "name",
    "filter",
    "aggregation",
    "custom_label",
    "limits_spending",
    "group_by",
    "thresholds",
  ]);
  const names = useRead("/v1/events/names", { query: { limit: 100 } }, { skip: !allows("events:read") });

  const filter = toFilter(values.filter);
  const aggregation: Aggregation | null =
    func === "count" ? { func } : property.trim() ? { func, property: property.trim() } : null;
  const unit = unitBody(values);
  const thresholds = canAlert(func) ? toThresholds(values.thresholds, unit) : [];
  const preview = usePreview(filter, aggregation);
  const seen = preview.data?.items.flatMap((one) => Object.keys(one.event.metadata)) ?? [];
  const properties = [...new Set(seen)];

  const wrong = {
    name: nameProblem(name),
    filter: filter
      ? ""
      : t("Complete the conditions, numbers included, or remove those that you don't need."),
    property: aggregation ? "" : t("Which property holds the number?"),
  };
  const submit = (): void => {
    setTried(true);
    if (wrong.name || unitProblem(values) || !filter || !aggregation || !thresholds) return;
    void sending.send(async () => {
      const limits_spending = decides(func) ? values.limits : "auto";
      const group_by = propertiesOf(values.groups);
      const body = {
        name: name.trim(),
        filter,
        aggregation,
        limits_spending,
        group_by,
        thresholds,
        ...unit,
      };
      const meter = await api.post<Meter>("v1/meters/", body);
      forget();
      announce(t("{name} was created", { name: meter.name }));
      void refresh();
      go(href(["meters", meter.id]));
    });
  };
  const cancel = (): void => {
    forget();
    go(href(["meters"]));
  };
  return (
    <Page title={t("Create meter")} above={<a href={href(["meters"])}>{t("Meters")}</a>}>
      <div class="halves">
        <Card>
          <Form onSubmit={submit}>
            {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
            <TextField
              label={t("Name")}
              autoFocus
              value={name}
              maxLength={256}
              placeholder={t("API usage")}
              onChange={(name) => {
                set({ name });
                sending.clear();
              }}
              problem={(tried ? wrong.name : "") || sending.at("name")}
            />
            <fieldset>
              <legend>{t("Which events count")}</legend>
              <FilterEditor
                draft={values.filter}
                onChange={(filter) => set({ filter })}
                properties={["name", "source", "timestamp", ...properties]}
                names={names.data?.items.map((one) => one.name) ?? []}
                strict={tried}
              />
              {((tried && wrong.filter) || sending.at("filter")) && (
                <p class="problem" role="alert">
                  {sending.at("filter") || wrong.filter}
                </p>
              )}
            </fieldset>
            <div class="pair-of-fields">
              <SelectField
                label={t("How they count")}
                value={func}
                onChange={(value) => set({ func: value as Func })}
                options={Object.entries(FUNCTIONS).map(([value, { label }]) => ({ value, label: t(label) }))}
                hint={t(FUNCTIONS[func].hint)}
              />
              {func !== "count" && (
                <TextField
                  label={func === "unique" ? t("Of the values of") : t("Of the property")}
                  mono
                  value={property}
                  placeholder={func === "unique" ? "user_id" : "units"}
                  options={properties}
                  onChange={(property) => set({ property })}
                  problem={(tried ? wrong.property : "") || sending.at("aggregation")}
                />
              )}
            </div>
            <UnitField {...values} onChange={set} problem={sending.at("custom_label")} />
            <GroupsField
              value={values.groups}
              onChange={(groups) => set({ groups })}
              problem={sending.at("group_by")}
            />
            {decides(func) && (
              <LimitsField
                value={values.limits}
                onChange={(limits) => set({ limits })}
                problem={sending.at("limits_spending")}
              />
            )}
            {canAlert(func) && (
              <ThresholdFields
                meter={unit}
                drafts={values.thresholds}
                onChange={(thresholds) => set({ thresholds })}
                strict={tried}
                problem={sending.at("thresholds")}
              />
            )}
            <p class="hint">
              {t("Past events count too. Once a meter has counted something, what it counts can't change.")}
            </p>
            <div class="form-actions">
              <Button onClick={cancel}>{t("Cancel")}</Button>
              <Button type="submit" kind="primary" busy={sending.busy} needs="meters:write">
                {t("Create meter")}
              </Button>
            </div>
          </Form>
        </Card>
        <Card title={t("Preview")} flush>
          {!allows("events:read") ? (
            <Notice>{t("A preview shows events: your token lacks the scope events:read.")}</Notice>
          ) : filter ? (
            <Await of={preview}>
              {(data) => <Previewed preview={data} aggregated={aggregation !== null} />}
            </Await>
          ) : (
            <Empty icon="events" title={t("What would it count?")}>
              {t("Complete the conditions, and see which of the latest events match.")}
            </Empty>
          )}
        </Card>
      </div>
    </Page>
  );
}
