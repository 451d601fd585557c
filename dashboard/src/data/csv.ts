// Lists as files that spreadsheets read: exact, with points, whatever marks are shown here.
import { Big } from "../text/numbers";

export interface CsvColumn<T> {
  name: string;
  value(row: T): unknown;
}

export function csv<T>(columns: CsvColumn<T>[], rows: T[]): string {
  const lines = [
    columns.map(({ name }) => name),
    ...rows.map((row) => columns.map(({ value }) => value(row))),
  ];
  return `${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** A cell. What a spreadsheet would calculate is made a text: numbers alone may begin with a minus. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (value instanceof Big) return value.toFixed();
  const text = String(value);
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
}

export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([`\ufeff${text}`], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
