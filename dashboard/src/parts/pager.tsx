// Below a list: how many there are, its pages, and all of it as a file.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type CsvColumn, csv, download } from "../data/csv";
import type { List, Pagination } from "../data/shapes";
import { amend } from "../router";
import { exact } from "../text/numbers";
import { isoDay } from "../text/times";
import { type Message, t } from "../text/words";
import { announce } from "./announcements";
import { Icon } from "./icons";
import "./pager.css";
import type { Column } from "./table";

/** What there is: one, and more of it. */
export type Noun = readonly [Message, Message];

interface PagerProps {
  page: number;
  pagination: Pagination;
  noun: Noun;
  /** Whether all are counted: else the total is only as far as that went. */
  complete?: boolean;
  file?: JSX.Element;
}

export function Pager({ page, pagination, noun, complete = true, file }: PagerProps): JSX.Element {
  const { total_count: total } = pagination;
  const last = Math.max(1, pagination.max_page.toNumber());
  const more = complete ? "" : "+";
  return (
    <nav class="pager" aria-label={t("Pages")}>
      <span class="pager-total">
        {t(noun[total.eq(1) ? 0 : 1], { n: exact(total) + more })}
        {file}
      </span>
      {(last > 1 || page > 1) && (
        <span class="pages">
          <Step to={Math.min(page - 1, last)} enabled={page > 1} icon="previous" label={t("Previous page")} />
          <span>{t("Page {page} of {last}", { page, last: `${last}${more}` })}</span>
          <Step to={page + 1} enabled={page < last} icon="next" label={t("Next page")} />
        </span>
      )}
    </nav>
  );
}

interface StepProps {
  to: number;
  enabled: boolean;
  icon: "previous" | "next";
  label: string;
}

const Step = ({ to, enabled, icon, label }: StepProps): JSX.Element => (
  <button
    type="button"
    class="button small"
    disabled={!enabled}
    aria-label={label}
    onClick={() => amend({ page: to })}
  >
    <Icon name={icon} />
  </button>
);

const PART = 100;
const MOST_PARTS = 100;

interface FileProps<T> {
  name: string;
  columns: Column<T>[];
  /** A page of so many rows; none, where the rows that are shown are all. */
  load?(page: number, limit: number): Promise<List<T>>;
  /** All rows, where they come in another way than by pages. */
  all?(): Promise<{ items: T[]; cut: boolean }>;
  rows?: T[];
}

/** All pages of a list as a file. */
export function CsvButton<T>({ name, columns, load, all: everything, rows = [] }: FileProps<T>): JSX.Element {
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      const all = everything
        ? await everything()
        : load
          ? await everyPage(load)
          : { items: rows, cut: false };
      download(`${name}-${isoDay(new Date())}.csv`, csv(inFile(columns), all.items));
      announce(
        all.cut
          ? t("Only the first {n} are in the file", { n: all.items.length })
          : t("Saved {n} lines", { n: all.items.length }),
      );
    } catch (error) {
      announce((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" class="link csv" aria-busy={busy ? "true" : undefined} onClick={() => void save()}>
      {busy ? t("Reading…") : "CSV"}
    </button>
  );
}

function inFile<T>(columns: Column<T>[]): CsvColumn<T>[] {
  return columns.flatMap(({ name, csv }) => (csv ? [{ name, value: csv }] : []));
}

async function everyPage<T>(load: NonNullable<FileProps<T>["load"]>): Promise<{ items: T[]; cut: boolean }> {
  const items: T[] = [];
  for (let page = 1; page <= MOST_PARTS; page++) {
    const part = await load(page, PART);
    items.push(...part.items);
    if (part.pagination.max_page.lte(page)) return { items, cut: false };
  }
  return { items, cut: true };
}
