// Changing a meter: its name and its unit, and archiving it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { changedOnly, useGuard } from "../data/edits";
import { useSession } from "../data/session";
import type { Meter } from "../data/shapes";
import { asSent, toDrafts, toThresholds } from "../data/threshold_draft";
import { nameProblem } from "../text/meters";
import { writeJson } from "../text/numbers";
import { canAlert, describeThreshold } from "../text/thresholds";
import { t } from "../text/words";
import { Button } from "./actions";
import { Conflict } from "./conflict";
import { Form, TextField, useSending } from "./forms";
import { decides, LIMITS, LimitsField } from "./limits_field";
import { Notice } from "./page";
import { NotifyCurrent, ThresholdFields } from "./threshold_fields";
import { UnitField, unitBody, unitDraft, unitProblem, unitText } from "./unit_field";

/** The properties that a text names, with commas between them. */
export const propertiesOf = (text: string): string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);

interface GroupsFieldProps {
  value: string;
  onChange(value: string): void;
  problem: string;
}

/** By which properties a meter's quantities are told apart. */
export function GroupsField({ value, onChange, problem }: GroupsFieldProps): JSX.Element {
  return (
    <TextField
      label={t("Broken down by")}
      optional
      mono
      value={value}
      placeholder="model, customer"
      hint={t("Up to three properties, separated by commas; customer shows who used the most.")}
      onChange={onChange}
      problem={problem}
    />
  );
}

interface ChangeProps {
  meter: Meter;
  onCancel(): void;
  onDone(): void;
}

export function EditMeter({ meter, onCancel, onDone }: ChangeProps): JSX.Element {
  const { api } = useSession();
  const { values, set, forget } = useDraft(`meter/${meter.id}`, () => ({
    name: meter.name,
    ...unitDraft(meter),
    limits: meter.limits_spending,
    groups: meter.group_by.join(", "),
    thresholds: toDrafts(meter.thresholds, meter),
    notify: false,
    opened: meter,
  }));
  const { opened } = values;
  const [tried, setTried] = useState(false);
  const sending = useSending(["name", "unit", "custom_label", "limits_spending", "group_by", "thresholds"]);
  const unit = unitBody(values);
  const thresholds = toThresholds(values.thresholds, unit);
  const isWatchedAnew = writeJson(thresholds) !== writeJson(asSent(opened.thresholds, opened));
  const guard = useGuard(opened, () => api.get<Meter>(`v1/meters/${meter.id}`));
  const wrong = nameProblem(values.name);
  const finish = (done: () => void) => () => {
    forget();
    done();
  };
  const submit = (): void => {
    setTried(true);
    if (wrong || unitProblem(values) || !thresholds) return;
    void sending.send(async () => {
      const { name, limits_spending, group_by } = opened;
      const changes = changedOnly<object>(
        {
          name,
          ...unitBody(unitDraft(opened)),
          limits_spending,
          group_by,
          thresholds: asSent(opened.thresholds, opened),
          notify_current: false,
        },
        {
          thresholds,
          notify_current: isWatchedAnew && values.notify,
          name: values.name.trim(),
          limits_spending: values.limits,
          group_by: propertiesOf(values.groups),
          ...unit,
        },
      );
      if (Object.keys(changes).length > 0) {
        if (!(await guard.unchanged())) return;
        await api.patch(`v1/meters/${meter.id}`, changes);
      }
      finish(onDone)();
    });
  };
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      {guard.theirs && (
        <Conflict
          changes={[
            [t("Name"), guard.theirs.name],
            [t("Unit"), unitText(guard.theirs)],
            [t("Limits spending"), t(LIMITS[guard.theirs.limits_spending].label)],
            [t("Broken down by"), guard.theirs.group_by.join(", ")],
            [
              t("Thresholds"),
              guard.theirs.thresholds.map((one) => describeThreshold(guard.theirs, one)).join(", "),
            ],
          ]}
        />
      )}
      <TextField
        label={t("Name")}
        value={values.name}
        maxLength={256}
        onChange={(name) => set({ name })}
        problem={wrong || sending.at("name")}
      />
      <UnitField {...values} onChange={set} problem={sending.at("custom_label")} />
      <GroupsField
        value={values.groups}
        onChange={(groups) => set({ groups })}
        problem={sending.at("group_by")}
      />
      {decides(meter.aggregation.func) && (
        <LimitsField
          value={values.limits}
          onChange={(limits) => set({ limits })}
          problem={sending.at("limits_spending")}
        />
      )}
      {canAlert(meter.aggregation.func) && (
        <ThresholdFields
          meter={unit}
          drafts={values.thresholds}
          onChange={(thresholds) => set({ thresholds })}
          strict={tried}
          problem={sending.at("thresholds")}
        />
      )}
      {isWatchedAnew && values.thresholds.length > 0 && (
        <NotifyCurrent value={values.notify} onChange={(notify) => set({ notify })} />
      )}
      <div class="form-actions">
        <Button onClick={finish(onCancel)}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="meters:write">
          {t("Save")}
        </Button>
      </div>
    </Form>
  );
}

export function ArchiveMeter({ meter, onCancel, onDone }: ChangeProps): JSX.Element {
  const { api } = useSession();
  const sending = useSending([]);
  const archived = meter.archived_at !== null;
  const { name } = meter;
  const submit = (): void =>
    void sending.send(async () => {
      await api.patch(`v1/meters/${meter.id}`, { is_archived: !archived });
      onDone();
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        {archived
          ? t(
              "{name} counts again, and counts anew all that came before, what came while it was archived included.",
              { name },
            )
          : t("{name} stops counting, and leaves balances and lists. It can be brought back.", { name })}
      </p>
      <div class="form-actions">
        <Button onClick={onCancel}>{t("Cancel")}</Button>
        <Button type="submit" kind={archived ? "primary" : "danger"} busy={sending.busy} needs="meters:write">
          {archived ? t("Bring back") : t("Archive")}
        </Button>
      </div>
    </Form>
  );
}
