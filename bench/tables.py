"""Tables of what was measured, from the stored results and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

from bench.conditions import described

RESULTS: Final = Path(__file__).with_name("results")
TARGETS: Final = json.loads(Path(__file__).with_name("targets.json").read_text())

Result = Mapping[str, Any]


class Table(NamedTuple):
    """A table, all of it text; the first column stands to the left, the others to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        lines = [
            _row(self.columns),
            _row(["---", *["--:"] * (len(self.columns) - 1)]),
            *map(_row, self.rows),
        ]
        note = f"\n\n{self.note}" if self.note else ""
        return f"**{self.title}**\n\n" + "\n".join(lines) + note

    def show(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left", caption=self.note or None)
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)


def load(part: str) -> dict[str, Any] | None:
    """What was stored of a part, if it was ever measured."""
    path = RESULTS / f"{part}.json"
    return json.loads(path.read_text()) if path.exists() else None


def store(part: str, result: Result) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{part}.json"
    path.write_text(json.dumps(_rounded(result), indent=2) + "\n")
    return path


def of(stored: Result) -> list[Table]:
    """The tables of a stored part."""
    return TABLES[stored["part"]](stored["result"])


def conditions(stored: Result) -> str:
    return described(stored["conditions"])


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _rounded(value: Any) -> Any:
    """Six significant digits: more says nothing."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {name: _rounded(element) for name, element in value.items()}
        case list():
            return [_rounded(element) for element in value]
    return value


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, and no exponent."""
    if value is None:
        return "-"
    if value >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if value == 0 or abs(value) >= 1e-3 else f"{value:.5f}"


def judged(value: float, target: float | None, digits: int = 3) -> str:
    """A target, and whether a value that should not be above it keeps it."""
    if target is None:
        return "-"
    return f"{number(target, digits)} {'✓' if value <= target else '✗'}"


def reached(value: float, target: float | None, digits: int = 3) -> str:
    """A target, and whether a value that should be at least as much reaches it."""
    if target is None:
        return "-"
    return f"{number(target, digits)} {'✓' if value >= target else '✗'}"


def _units(result: Result) -> list[Table]:
    cases = result["cases"]
    writes, dollars = TARGETS["write_units_an_event"], TARGETS["usd_a_million_events"]
    return [
        Table(
            "Request units for an event",
            (
                "case",
                "write units",
                "at most",
                "one transaction for each",
                "read units",
                "calls",
                "projector: write, read",
            ),
            [
                (
                    case["name"],
                    number(case["ours"]["write_units"]),
                    judged(case["ours"]["write_units"], writes.get(case["name"])),
                    _reference(case),
                    number(case["ours"]["read_units"]),
                    number(case["ours"]["calls"]),
                    f"{number(case['projector']['write_units'])}, "
                    f"{number(case['projector']['read_units'])}",
                )
                for case in cases
            ],
            f"{result['requests_a_case']} requests or deliveries of each case, one meter, one "
            "hour, customers that are known and have a balance; events of "
            f"{_range(cases, 'bytes_an_event')} bytes. Calls are those of a request or delivery. "
            "Reads are the version of the meters and the customers. The projector got up to "
            f"{result['prices']['assumptions']['pages_a_delivery']} pages at once.",
        ),
        Table(
            "Dollars for a million events, all in",
            (
                "case",
                "DynamoDB",
                "Lambda",
                "HTTP API",
                "SQS",
                "projector",
                "all",
                "below",
            ),
            [
                (
                    case["name"],
                    *(
                        f"{case['usd_a_million'][service]:.3f}"
                        for service in ("dynamodb", "lambda", "gateway", "sqs", "projector", "all")
                    ),
                    judged(case["usd_a_million"]["all"], dollars.get(case["name"])),
                )
                for case in cases
            ],
            _prices(result["prices"]),
        ),
        Table(
            "What comes on top, in write units of a request",
            ("what", "write units"),
            [(name, number(units)) for name, units in result["additions"].items()],
        ),
        Table(
            "What a read of balances takes",
            ("read", "meters", "calls", "read units"),
            [
                (
                    read["name"],
                    str(read["meters"]),
                    number(read["calls"]),
                    number(read["read_units"]),
                )
                for read in result["reads"]
            ],
        ),
    ]


def _reference(case: Result) -> str:
    units = number(case["reference"]["write_units"])
    if "indexed_reference" not in case:
        return units
    return f"{units}; {number(case['indexed_reference']['write_units'])} with an index"


def _range(cases: Sequence[Result], name: str) -> str:
    values = [case[name] for case in cases]
    return f"{min(values):.0f} to {max(values):.0f}"


def _prices(prices: Result) -> str:
    assumed = prices["assumptions"]
    waits = assumed["dynamodb_call_seconds"]
    return (
        f"Prices of {prices['region']}, {prices['as_of']}, from `bench/prices.json`, without "
        f"{prices['left_out']}. Functions of {assumed['lambda_megabytes']:,} MB are billed for the "
        "CPU that was measured here, as slow as their share of a core, and for waits that are "
        f"assumed: {waits['read'] * 1000:.0f} ms for a read, {waits['transaction'] * 1000:.0f} ms "
        "for a transaction. The projector's column has all that it takes, Lambda included."
    )


def _cpu(result: Result) -> list[Table]:
    cases = result["cases"]
    return [
        Table(
            "CPU seconds of a handler for 1,000 events",
            ("events a request", "ids", "customers", "Aureon", "reference", "ratio", "at most"),
            [
                (
                    f"{case['events']:,}",
                    "with" if case["ids"] else "without",
                    str(case["customers"]),
                    number(case["cpu_seconds_for_1000_events"]),
                    number(case["reference_cpu_seconds_for_1000_events"]),
                    number(case["ratio"]),
                    judged(
                        case["ratio"],
                        TARGETS["cpu_ratio_to_reference"] if case["events"] >= 100 else None,
                    ),
                )
                for case in cases
            ],
            f"Medians of {result['rounds']} rounds of {result['events_a_round']:,} events, in each "
            "of which both take their turn. From the gateway's event to the answer, calls "
            "included; the engine is another process.",
        )
    ]


def _http(result: Result) -> list[Table]:
    return [_ingestion(result, ids=True), _ingestion(result, ids=False), *_reading(result)]


def _ingestion(result: Result, *, ids: bool) -> Table:
    targets, polar = TARGETS["over_http"], TARGETS["polar"]["events_a_second"]
    ids_text = "with ids" if ids else "without ids"
    wanted = {
        "1x1": targets["times_polar_1x1"],
        "8x100": targets["times_polar_8x100"][ids_text],
    }
    rows = []
    for case in result["ingestion"]:
        if case["ids"] != ids:
            continue
        shape, rate = case["shape"], case["events_a_second"]
        theirs = polar.get(shape)
        share = rate / case["bare_engine"]["events_a_second"]
        rows.append(
            (
                shape.replace("x", " x "),
                number(rate),
                f"{case['p50_ms']:.1f}",
                f"{case['p99_ms']:.1f}",
                number(case["cpu_seconds_for_1000_events"]),
                number(theirs),
                number(None if theirs is None else rate / theirs),
                "-" if theirs is None else reached(rate / theirs, wanted.get(shape)),
                number(case["bare_engine"]["events_a_second"]),
                f"{share:.0%}",
                f"{targets['share_of_bare_engine']:.0%} "
                + ("✓" if share >= targets["share_of_bare_engine"] else "✗"),
            )
        )
    return Table(
        f"Events over HTTP, {ids_text}",
        (
            "connections x events",
            "events a second",
            "p50 ms",
            "p99 ms",
            "CPU s for 1,000",
            "Polar",
            "times Polar",
            "at least",
            "bare engine",
            "share of it",
            "at least",
        ),
        rows,
        f"Each request for up to {result['customers']} customers, as Polar was measured. CPU is "
        "that of the service and its engine. The bare engine gets the same DynamoDB calls over as "
        "many connections, and nothing else runs.",
    )


def _reading(result: Result) -> list[Table]:
    most = TARGETS["over_http"]["balance_p50_to_bare_query"]
    fresh = result["freshness"]
    return [
        Table(
            "Balance reads over HTTP",
            (
                "connections",
                "reads a second",
                "p50 ms",
                "p99 ms",
                "bare Query, p50 ms",
                "times it",
                "at most",
                "Polar, ms",
            ),
            [
                (
                    str(case["connections"]),
                    number(case["reads_a_second"]),
                    f"{case['p50_ms']:.2f}",
                    f"{case['p99_ms']:.2f}",
                    f"{case['bare_query']['p50_ms']:.2f}",
                    number(case["p50_ms"] / case["bare_query"]["p50_ms"]),
                    judged(case["p50_ms"] / case["bare_query"]["p50_ms"], most),
                    number(TARGETS["polar"]["balance_read_ms"]),
                )
                for case in result["reads"]
            ],
        ),
        Table(
            "Freshness: from sending an event to having read a balance that includes it",
            ("events", "p50 ms", "p99 ms", "reads needed, at most", "Polar, s"),
            [
                (
                    str(fresh["events"]),
                    f"{fresh['p50_ms']:.1f}",
                    f"{fresh['p99_ms']:.1f}",
                    str(fresh["most_reads_needed"]),
                    number(TARGETS["polar"]["seconds_until_a_balance_shows_an_event"]),
                )
            ],
        ),
    ]


def _cold(result: Result) -> list[Table]:
    most = TARGETS["cold_start_ratio_to_boto3"]
    packages = sorted({package for shares in result["imports"].values() for package in shares})
    return [
        Table(
            "A handler that has just been started",
            (
                "handler",
                "request",
                "imports, CPU ms",
                "first request, CPU ms",
                "imports, ratio",
                "both, ratio to boto3",
                "at most",
            ),
            [
                (
                    handler["name"],
                    f"{handler['sample']} ({handler['status']})",
                    f"{handler['imports_cpu_ms']:.0f}",
                    f"{handler['first_request_cpu_ms']:.0f}",
                    f"{handler['imports_ratio']:.2f}",
                    f"{handler['ratio']:.2f}",
                    judged(handler["ratio"], most),
                )
                for handler in result["handlers"]
            ],
            f"Medians of {result['turns']} turns. Importing boto3 and making a client of DynamoDB "
            f"took {result['boto3_cpu_ms']:.0f} ms of CPU.",
        ),
        Table(
            "Where the time of imports goes",
            ("package", *result["imports"]),
            [
                (
                    package,
                    *(f"{shares.get(package, 0):.0%}" for shares in result["imports"].values()),
                )
                for package in packages
            ],
            "The share of each package's own modules, from `python -X importtime`.",
        ),
    ]


def _growth(result: Result) -> list[Table]:
    found = []
    for growth in result["growths"]:
        sizes = growth["sizes"]
        names = sizes[0]["figures"]
        found.append(
            Table(
                f"By the number of {growth['name']}: calls, units and CPU ms",
                ("what", *(f"{one['size']:,}" for one in sizes)),
                [
                    (
                        name if not name.startswith("ingest") else f"{name}, by event",
                        *(_taken(one["figures"][name]) for one in sizes),
                    )
                    for name in names
                ],
            )
        )
    found[-1] = found[-1]._replace(
        note=f"Of each figure {result['times']}; the CPU is the median, and only the handler's. "
        "Units are of reads and writes."
    )
    return found


def _taken(figure: Result) -> str:
    return f"{number(figure['calls'])} · {number(figure['units'])} · {number(figure['cpu_ms'])}"


def summary(stored: Mapping[str, Result]) -> Table:
    """The figures that a stranger asks for first, of the parts that were measured."""
    rows: list[tuple[str, str]] = []
    if "units" in stored:
        for case in stored["units"]["result"]["cases"]:
            if case["name"] in SUMMARY_CASES:
                rows.append(
                    (
                        f"a million events, {case['name']}, all in",
                        f"${case['usd_a_million']['all']:.2f}",
                    )
                )
    if "cpu" in stored:
        for case in stored["cpu"]["result"]["cases"]:
            if (case["events"], case["customers"]) == (100, 20):
                ids = "with" if case["ids"] else "without"
                rows.append(
                    (
                        "CPU for an event, beside a transaction for each: 100 a request, 20 "
                        f"customers, {ids} ids",
                        f"{case['ratio']:.0%}",
                    )
                )
    if "http" in stored:
        result = stored["http"]["result"]
        for case in result["ingestion"]:
            if case["shape"] in ("1x1", "8x100"):
                connections, events = case["shape"].split("x")
                ids = "with" if case["ids"] else "without"
                rows.append(
                    (
                        f"events a second from `make dev`: {connections} connections, {events} a "
                        f"request, {ids} ids",
                        number(case["events_a_second"]),
                    )
                )
        rows.append(
            (
                "from sending an event to having read a balance that includes it, median",
                f"{result['freshness']['p50_ms']:.0f} ms",
            )
        )
    if "cold" in stored:
        for handler in stored["cold"]["result"]["handlers"]:
            if handler["name"] in ("ingest", "balances"):
                rows.append(
                    (
                        f"`{handler['name']}`, cold: imports and first request, beside importing "
                        "boto3",
                        f"{handler['ratio']:.1f} times",
                    )
                )
    return Table("Measured with `make bench`", ("what", "figure"), rows)


SUMMARY_CASES: Final = ("one event a request", "100 events a request, one customer")

TABLES: Final[Mapping[str, Callable[[Result], list[Table]]]] = {
    "units": _units,
    "cpu": _cpu,
    "http": _http,
    "cold": _cold,
    "growth": _growth,
}
