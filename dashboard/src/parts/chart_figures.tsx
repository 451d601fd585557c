// What a chart shows, as a table and as a file.
import type { JSX } from "preact";
import { type Big, ZERO } from "../text/numbers";
import { t } from "../text/words";
import type { Point } from "./chart";
import { CsvButton } from "./pager";
import { type Column, Table } from "./table";

interface FiguresProps {
  title: string;
  label: string;
  points: Point[];
  name(point: Point): string;
  show(value: Big): string;
}

/** The same as a table, and as a file. */
export function Figures({ title, label, points, name, show }: FiguresProps): JSX.Element {
  const optional = (key: "granted" | "before", name: string): Column<Point>[] =>
    points.some((point) => point[key])
      ? [
          {
            name,
            number: true,
            show: (point) => show(point[key] ?? ZERO),
            csv: (point) => point[key] ?? ZERO,
          },
        ]
      : [];
  const columns: Column<Point>[] = [
    { name: t("From"), show: name, csv: (point) => point.timestamp },
    { name: label, number: true, show: (point) => show(point.quantity), csv: (point) => point.quantity },
    ...(points[0]?.parts ?? []).map(
      ({ name }, place): Column<Point> => ({
        name,
        number: true,
        show: (point) => show(point.parts?.[place]?.quantity ?? ZERO),
        csv: (point) => point.parts?.[place]?.quantity ?? ZERO,
      }),
    ),
    ...optional("granted", t("Granted")),
    ...optional("before", t("Period before")),
  ];
  return (
    <details class="figures">
      <summary>{t("Figures")}</summary>
      <Table
        caption={title}
        rows={points
          .filter((point) => !point.quantity.eq(0) || point.granted?.gt(0) || point.before?.gt(0))
          .reverse()}
        keyOf={(point) => point.timestamp}
        columns={columns}
      />
      <CsvButton name={t("figures")} columns={columns} rows={points} />
    </details>
  );
}
