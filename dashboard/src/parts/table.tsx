// Tables that become lists of cards where there is little room; sorting and paging.
import type { ComponentChildren, JSX } from "preact";
import type { Big } from "../numbers";
import { exact } from "../numbers";
import { Icon } from "./icons";

export interface Column<T> {
  name: string;
  /** What it is sorted by, where it can be. */
  sort?: string;
  number?: boolean;
  show(row: T): ComponentChildren;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  keyOf(row: T): string;
  sorting?: string;
  onSort?(sorting: string): void;
}

export function Table<T>({ caption, columns, rows, keyOf, sorting, onSort }: TableProps<T>): JSX.Element {
  return (
    <div class="table">
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
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} data-label={column.name} class={column.number ? "number" : undefined}>
                  <div>{column.show(row)}</div>
                </td>
              ))}
            </tr>
          ))}
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
      Sort by{" "}
      <select value={sorting} onChange={(event) => onSort(event.currentTarget.value)}>
        {columns.flatMap(({ name, sort }) =>
          sort
            ? [
                <option key={sort} value={sort}>
                  {name}, ascending
                </option>,
                <option key={`-${sort}`} value={`-${sort}`}>
                  {name}, descending
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
        {name}
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

interface PagerProps {
  page: number;
  pagination: { total_count: Big; max_page: Big };
  onPage(page: number): void;
  /** What there is, one and more of it: `event`, `customer`. */
  what: string;
  /** From here on a total is only what was counted. */
  countedTo?: number;
}

export function Pager({ page, pagination, onPage, what, countedTo }: PagerProps): JSX.Element {
  const last = Math.max(1, pagination.max_page.toNumber());
  const atLeast = countedTo !== undefined && pagination.total_count.gte(countedTo);
  return (
    <nav class="pager" aria-label={`Pages of ${what}s`}>
      <span>
        {exact(pagination.total_count)}
        {atLeast && "+"} {pagination.total_count.eq(1) ? what : `${what}s`}
      </span>
      {(last > 1 || page > 1) && (
        <span class="pages">
          <button
            type="button"
            class="button small"
            disabled={page <= 1}
            aria-label="Previous page"
            onClick={() => onPage(Math.min(page - 1, last))}
          >
            <Icon name="previous" />
          </button>
          <span>
            Page {page} of {last}
            {atLeast && "+"}
          </span>
          <button
            type="button"
            class="button small"
            disabled={page >= last}
            aria-label="Next page"
            onClick={() => onPage(page + 1)}
          >
            <Icon name="next" />
          </button>
        </span>
      )}
    </nav>
  );
}
