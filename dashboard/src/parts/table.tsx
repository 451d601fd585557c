// Tables whose rows lead on, and which become lists of cards where they have little room.
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { t } from "../text/words";
import { Icon } from "./icons";
import "./table.css";
import { useWidth } from "./width";

/** So much room does a table want for each of its columns, in pixels: with less it becomes cards. */
const COLUMN_WIDTH = 128;

export interface Column<T> {
  name: string;
  /** What it is sorted by, where it can be. */
  sort?: string;
  number?: boolean;
  show(row: T): ComponentChildren;
  /** What a file has of it, if anything. */
  csv?(row: T): unknown;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  keyOf(row: T): string;
  /** Where a row leads: its first column is the link, and all of the row can be clicked. */
  linkOf?(row: T): string | undefined;
  sorting?: string;
  onSort?(sorting: string): void;
}

export function Table<T>(props: TableProps<T>): JSX.Element {
  const { caption, columns, rows, keyOf, linkOf, sorting, onSort } = props;
  const [frame, width] = useWidth();
  const [needed, setNeeded] = useState(0);
  const cards = width > 0 && width < Math.max(columns.length * COLUMN_WIDTH, needed);
  // Long numbers may need more room than that: no column may go where nobody sees it.
  useLayoutEffect(() => {
    const { scrollWidth = 0, clientWidth = 0 } = frame.current ?? {};
    if (!cards && scrollWidth > clientWidth) setNeeded(scrollWidth);
  });
  return (
    <div ref={frame} class={`table ${cards ? "cards" : ""}`}>
      {onSort && <Sorting columns={columns} sorting={sorting} onSort={onSort} />}
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.name} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const link = linkOf?.(row);
            return (
              <tr key={keyOf(row)} class={link ? "leads" : undefined}>
                {columns.map((column, place) => (
                  <td key={column.name} data-label={column.name} class={column.number ? "number" : undefined}>
                    <div>
                      {link && place === 0 ? (
                        <a class="row-link" href={link}>
                          {column.show(row)}
                        </a>
                      ) : (
                        column.show(row)
                      )}
                    </div>
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface SortingProps<T> {
  columns: Column<T>[];
  sorting?: string;
  onSort(sorting: string): void;
}

/** How to sort where there is no room for headings. */
function Sorting<T>({ columns, sorting, onSort }: SortingProps<T>): JSX.Element {
  return (
    <label class="sorting">
      {t("Sort by")}{" "}
      <select value={sorting} onChange={(event) => onSort(event.currentTarget.value)}>
        {columns.flatMap(({ name, sort }) =>
          sort
            ? [
                <option key={sort} value={sort}>
                  {t("{name}, ascending", { name })}
                </option>,
                <option key={`-${sort}`} value={`-${sort}`}>
                  {t("{name}, descending", { name })}
                </option>,
              ]
            : [],
        )}
      </select>
    </label>
  );
}

interface HeadingProps<T> {
  column: Column<T>;
  sorting?: string;
  onSort?(sorting: string): void;
}

function Heading<T>({ column, sorting, onSort }: HeadingProps<T>): JSX.Element {
  const { name, sort, number } = column;
  const kind = number ? "number" : undefined;
  if (!sort || !onSort) {
    return (
      <th scope="col" class={kind}>
        {name || <span class="unseen">{t("Actions")}</span>}
      </th>
    );
  }
  const ascending = sorting === sort;
  const sorted = ascending || sorting === `-${sort}`;
  return (
    <th scope="col" class={kind} aria-sort={sorted ? (ascending ? "ascending" : "descending") : "none"}>
      <button type="button" class="sort" onClick={() => onSort(ascending ? `-${sort}` : sort)}>
        {name}
        {sorted && <Icon name={ascending ? "up" : "down"} />}
      </button>
    </th>
  );
}

/** A name, and below it what else tells one from another. */
export function Named({ name, below }: { name: string; below?: string | null }): JSX.Element {
  return (
    <>
      <span class="strong">{name}</span>
      {below && below !== name && <small>{below}</small>}
    </>
  );
}
