import type { JSX } from "preact";
import { t } from "../text/words";
import { Notice } from "./page";

interface ConflictProps {
  /** What somebody else has changed: its name, and what it is now. */
  changes: [string, string][];
}

/** Somebody else was faster: what they changed, before what was changed here is saved. */
export function Conflict({ changes }: ConflictProps): JSX.Element {
  return (
    <Notice tone="bad">
      {t("Somebody else has changed this in the meantime. Save again to apply only your own changes.")}
      {changes.map(([name, now]) => (
        <p key={name}>
          {name}: <strong>{now}</strong>
        </p>
      ))}
    </Notice>
  );
}
