"""Tables of what was measured, from the stored results and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

RESULTS: Final = Path(__file__).with_name("results")
TARGETS: Final = json.loads(Path(__file__).with_name("targets.json").read_text())

Result = Mapping[str, Any]
# What makes a cell's text of a result, or where in it the value is, with a format or without.
Cell = Callable[[Result], str] | str


class Table(NamedTuple):
    """A table, all of it text; the first column stands to the left, the others to the right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    @classmethod
    def of(
        cls,
        title: str,
        found: Iterable[Result],
        columns: Mapping[str, Cell],
        note: str = "",
    ) -> Table:
        """A row for each thing that was found, a cell for each column."""
        rows = [[_cell(one, cell) for cell in columns.values()] for one in found]
        return cls(title, [*columns], rows, note)

    def markdown(self) -> str:
        rule = ["---", *["--:"] * (len(self.columns) - 1)]
        lines = ["| " + " | ".join(row) + " |" for row in (self.columns, rule, *self.rows)]
        note = f"\n\n{self.note}" if self.note else ""
        return f"**{self.title}**\n\n" + "\n".join(lines) + note


def _cell(result: Result, cell: Cell) -> str:
    if callable(cell):
        return cell(result)
    path, _, form = cell.partition(":")
    value: Any = result
    for name in path.split("."):
        value = value[name]
    return value if isinstance(value, str) else format(value, form) if form else number(value)


def load(part: str) -> dict[str, Any] | None:
    """What was stored of a part, if it was ever measured."""
    path = RESULTS / f"{part}.json"
    return json.loads(path.read_text()) if path.exists() else None


def store(part: str, result: Result) -> Path:
    path = RESULTS / f"{part}.json"
    path.write_text(json.dumps(_rounded(result), indent=2) + "\n")
    return path


def of(stored: Result) -> list[Table]:
    """The tables of a stored part."""
    return TABLES[stored["part"]](stored["result"])


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


def judged(value: float | None, target: float | None, *, least: bool = False) -> str:
    """A target, and whether a value keeps it: as the most, or the least, that it should be."""
    if target is None or value is None:
        return "-"
    return f"{number(target)} {'✓' if (value >= target if least else value <= target) else '✗'}"


def _measured(table: Table) -> list[Table]:
    """The table, if something in it was measured: parts come that older results do not have."""
    return [table] if table.rows else []


def _units(result: Result) -> list[Table]:
    cases, prices = result["cases"], result["prices"]
    writes, dollars = TARGETS["write_units_an_event"], TARGETS["usd_a_million_events"]
    sizes = [case["bytes_an_event"] for case in cases]
    assumed = prices["assumptions"]
    waits = assumed["dynamodb_call_seconds"]

    return [
        Table.of(
            "Request units for an event",
            cases,
            {
                "case": "name",
                "write units": "ours.write_units",
                "at most": lambda case: judged(
                    case["ours"]["write_units"], writes.get(case["name"])
                ),
                "one transaction for each": "reference.write_units",
                "read units": "ours.read_units",
                "calls": "ours.calls",
                "projector: write, read": lambda case: ", ".join(
                    number(case["projector"][f"{kind}_units"]) for kind in ("write", "read")
                ),
            },
            f"{result['requests_a_case']} requests or deliveries of each case, of single events "
            "three times as many, one meter, one hour, customers that are known and have a "
            f"balance; events of {min(sizes):.0f} to {max(sizes):.0f} bytes. Calls are those of a "
            "request or delivery. Reads are the version of the meters and the customers. The "
            f"projector got up to {assumed['pages_a_delivery']} pages at once.",
        ),
        Table.of(
            "Dollars for a million events, all in",
            cases,
            {
                "case": "name",
                "DynamoDB": "usd_a_million.dynamodb:.3f",
                "Lambda": "usd_a_million.lambda:.3f",
                "HTTP API": "usd_a_million.gateway:.3f",
                "SQS": "usd_a_million.sqs:.3f",
                "projector": "usd_a_million.projector:.3f",
                "all": "usd_a_million.all:.3f",
                "below": lambda case: judged(
                    case["usd_a_million"]["all"], dollars.get(case["name"])
                ),
            },
            f"Prices of {prices['region']}, {prices['as_of']}, from `bench/prices.json`, without "
            f"{prices['left_out']}. Functions of {assumed['lambda_megabytes']:,} MB are billed for "
            "the CPU that was measured here, as slow as their share of a core, and for waits that "
            f"are assumed: {waits['read'] * 1000:.0f} ms for a read, "
            f"{waits['transaction'] * 1000:.0f} ms for a transaction. The projector's column has "
            "all that it takes, Lambda included.",
        ),
        *_measured(
            Table.of(
                "The projector, for a page of one event",
                result.get("together", []),
                {
                    "pages a delivery": "pages:d",
                    "customers": "customers:d",
                    "write units": "write_units",
                    "read units": "read_units",
                    "$ a million": "usd_a_million:.2f",
                },
                "Events a second after one another. With many customers, each page of a delivery "
                "is of another one.",
            )
        ),
        Table(
            "What comes on top, in write units of a request",
            ("what", "write units"),
            [(name, number(units)) for name, units in result["additions"].items()],
        ),
    ]


def _operations(result: Result) -> list[Table]:
    most = TARGETS["operations"]

    def limit(kind: str) -> Cell:
        return lambda one: judged(one[kind], most.get(one["name"], {}).get(kind))

    return [
        Table.of(
            "What an operation costs",
            result["operations"],
            {
                "operation": "name",
                "requests": "requests:.0f",
                "calls": "calls",
                "calls, at most": limit("calls"),
                "write units": "write_units",
                "write units, at most": limit("write_units"),
                "read units": "read_units",
                "CPU ms": "cpu_ms:.2f",
                "projector: write, read": lambda one: ", ".join(
                    number(one["projector"][f"{kind}_units"]) for kind in ("write", "read")
                ),
                "$ a million": "usd_a_million.all:.2f",
                "of it the projector": "usd_a_million.projector:.2f",
            },
            f"{result['times']} times each, on a customer with one meter and one grant, in a "
            "container that has read its token and the meters. Prices and assumptions are those of "
            "the events' costs. The projector takes the same for each page that is written, and up "
            f"to {result['prices']['assumptions']['pages_a_delivery']} pages at once.",
        ),
        Table.of(
            "What it costs to tell",
            result["told"],
            {
                "what": "name",
                "calls": "calls",
                "write units": "write_units",
                "read units": "read_units",
                "CPU ms": "cpu_ms:.2f",
                "$ a million": "usd_a_million:.2f",
            },
            "A crossing writes the alert, and two webhooks into the outbox. A webhook to its "
            "endpoint includes three requests of the queue; how long the receiver takes is paid "
            "for as well.",
        ),
    ]


def _cpu(result: Result) -> list[Table]:
    most = TARGETS["cpu_ratio_to_reference"]
    return [
        Table.of(
            "CPU seconds of a handler for 1,000 events",
            result["cases"],
            {
                "events a request": "events:,",
                "ids": lambda case: "with" if case["ids"] else "without",
                "customers": "customers:d",
                "Aureon": "cpu_seconds_for_1000_events",
                "reference": "reference_cpu_seconds_for_1000_events",
                "ratio": "ratio",
                "at most": lambda case: judged(
                    case["ratio"], most if case["events"] >= 100 else None
                ),
            },
            f"Medians of {result['rounds']} rounds of {result['events_a_round']:,} events, in each "
            "of which both take their turn. From the gateway's event to the answer, calls "
            "included; the engine is another process.",
        )
    ]


def _http(result: Result) -> list[Table]:
    return [_ingestion(result, ids=True), _ingestion(result, ids=False), *_reading(result)]


def _ingestion(result: Result, *, ids: bool) -> Table:
    of_bare = TARGETS["over_http"]["share_of_bare_engine"]

    def share(case: Result) -> float:
        found: float = case["events_a_second"] / case["bare_engine"]["events_a_second"]
        return found

    return Table.of(
        f"Events over HTTP, {_ids({'ids': ids})}",
        [case for case in result["ingestion"] if case["ids"] == ids],
        {
            "connections x events": lambda case: case["shape"].replace("x", " x "),
            "events a second": "events_a_second",
            "p50 ms": "p50_ms:.1f",
            "p99 ms": "p99_ms:.1f",
            "CPU s for 1,000": "cpu_seconds_for_1000_events",
            "bare engine": "bare_engine.events_a_second",
            "share of it": lambda case: f"{share(case):.0%}",
            "at least": lambda case: f"{of_bare:.0%} {'✓' if share(case) >= of_bare else '✗'}",
        },
        f"Each request for up to {result['customers']} customers. CPU is that of the service and "
        "its engine. The bare engine gets the same DynamoDB calls over as many connections, and "
        "nothing else runs.",
    )


def _reading(result: Result) -> list[Table]:
    most = TARGETS["over_http"]["balance_p50_to_bare_query"]

    def times_bare(case: Result) -> float:
        found: float = case["p50_ms"] / case["bare_query"]["p50_ms"]
        return found

    return [
        Table.of(
            "Balance reads over HTTP",
            result["reads"],
            {
                "connections": "connections:d",
                "reads a second": "reads_a_second",
                "p50 ms": "p50_ms:.2f",
                "p99 ms": "p99_ms:.2f",
                "bare Query, p50 ms": "bare_query.p50_ms:.2f",
                "times it": lambda case: number(times_bare(case)),
                "at most": lambda case: judged(times_bare(case), most),
            },
        ),
        Table.of(
            "Freshness: from sending an event to having read a balance that includes it",
            [result["freshness"]],
            {
                "events": "events:d",
                "p50 ms": "p50_ms:.1f",
                "p99 ms": "p99_ms:.1f",
                "reads needed, at most": "most_reads_needed:d",
            },
        ),
        *_measured(
            Table.of(
                "Single events over 4 connections, while a new meter counts what came before it",
                [beside] if (beside := result.get("beside_a_backfill")) else [],
                {
                    "events before": "past_events:,",
                    "events a second, alone": "alone:.0f",
                    "beside it": "beside:.0f",
                    "of it": lambda one: f"{one['beside'] / one['alone']:.0%}",
                    "its seconds": "seconds:.1f",
                    "seconds to stop": "stop_seconds:.1f",
                },
            )
        ),
    ]


def _cold(result: Result) -> list[Table]:
    most = TARGETS["cold_start_ratio_to_boto3"]
    shares = result["imports"]
    return [
        Table.of(
            "A handler that has just been started",
            result["handlers"],
            {
                "handler": "name",
                "request": lambda handler: f"{handler['sample']} ({handler['status']})",
                "imports, CPU ms": "imports_cpu_ms:.0f",
                "first request, CPU ms": "first_request_cpu_ms:.0f",
                "both, ratio to boto3": "ratio:.2f",
                "at most": lambda handler: judged(handler["ratio"], most),
                "billed ms at 512, 1,024 and 1,769 MB": lambda handler: " · ".join(
                    map(str, handler["billed_ms"].values())
                ),
            },
            f"Medians of {result['turns']} turns on Python {result['python']}. Importing boto3 of "
            "the same bundle and making a client of DynamoDB took "
            f"{result['boto3_cpu_ms']:.0f} ms of CPU. Billed is the CPU, the interpreter's start "
            "included, as slow as the function's share of a core, and the assumed waits.",
        ),
        Table(
            "Where the time of imports goes",
            ("package", *shares),
            [
                (package, *(f"{share.get(package, 0):.0%}" for share in shares.values()))
                for package in sorted({name for share in shares.values() for name in share})
            ],
            "The share of each package's own modules, from `python -X importtime`.",
        ),
    ]


def _growth(result: Result) -> list[Table]:
    def taken(figure: Result) -> str:
        return " · ".join(number(figure[name]) for name in ("calls", "units", "cpu_ms"))

    found = [
        Table(
            f"By the number of {growth['name']}: calls, units and CPU ms",
            ("what", *(f"{one['size']:,}" for one in growth["sizes"])),
            [
                (
                    f"{name}, by event" if name.startswith("ingest") else name,
                    *(taken(one["figures"][name]) for one in growth["sizes"]),
                )
                for name in growth["sizes"][0]["figures"]
            ],
        )
        for growth in result["growths"]
    ]
    note = (
        f"Of each figure {result['times']}; the CPU is the median, and only the handler's. "
        "Units are of reads and writes."
    )
    return [*found[:-1], found[-1]._replace(note=note)]


def _alerts(result: Result) -> list[Table]:
    latency = Table.of(
        "From the answer of the crossing call to the alert in the outbox, in milliseconds",
        [result],
        {
            "crossings, one after another": "crossings:d",
            "p50": "latency_ms.p50:.0f",
            "p99": "latency_ms.p99:.0f",
            "longest": "latency_ms.longest:.0f",
        },
        "On the local service, with its engine, on the machine that is named below.",
    )
    return [latency, *_growth(result)]


def _peers(result: Result) -> list[Table]:
    least = TARGETS["times_a_peer"]

    def of(figure: str) -> Cell:
        def cell(case: Result) -> str:
            ratios = case["ratios"].get(figure)
            if ratios is None:
                return "-"
            return f"{ratios['median']:.2g} ({ratios['least']:.2g} to {ratios['greatest']:.2g})"

        return cell

    def target(case: Result) -> str:
        rate = case["ratios"].get("events_a_second", {})
        return judged(rate.get("median"), least.get(case["name"]), least=True)

    return [
        Table.of(
            f"How many times as good as {result['peer']}: medians of {result['rounds']} rounds",
            result["cases"],
            {
                "what": "name",
                "events or reads a second": of("events_a_second"),
                "at least": target,
                "p50": of("p50_ms"),
                "p99": of("p99_ms"),
            },
        )
    ]


def summary(stored: Mapping[str, Result]) -> Table:
    """The figures that a stranger asks for first, of the parts that were measured."""
    rows: list[tuple[str, str]] = []
    results = {part: found["result"] for part, found in stored.items()}
    for case in results.get("units", {}).get("cases", ()):
        if case["name"] in SUMMARY_CASES:
            dollars = f"${case['usd_a_million']['all']:.2f}"
            rows.append((f"a million events, {case['name']}, all in", dollars))
    for one in results.get("operations", {}).get("operations", ()):
        if one["name"] in SUMMARY_OPERATIONS:
            dollars = f"${one['usd_a_million']['all']:.2f}"
            rows.append((f"a million times: {one['name']}, all in", dollars))
    for case in results.get("cpu", {}).get("cases", ()):
        if (case["events"], case["customers"]) == (100, 20):
            what = "CPU for an event, beside a transaction for each: 100 a request, 20 customers, "
            rows.append(
                (f"{what}{'with' if case['ids'] else 'without'} ids", f"{case['ratio']:.0%}")
            )
    for case in results.get("http", {}).get("ingestion", ()):
        if case["shape"] in ("1x1", "8x100"):
            connections, events = case["shape"].split("x")
            what = (
                f"events a second from `make dev`: {connections} connections, {events} a request, "
            )
            ids = "with" if case["ids"] else "without"
            rows.append((f"{what}{ids} ids", number(case["events_a_second"])))
    if "http" in results:
        what = "from sending an event to having read a balance that includes it, median"
        rows.append((what, f"{results['http']['freshness']['p50_ms']:.0f} ms"))
    for handler in results.get("cold", {}).get("handlers", ()):
        if handler["name"] in ("ingest", "balances"):
            what = "cold: imports and first request, beside importing boto3"
            rows.append((f"`{handler['name']}`, {what}", f"{handler['ratio']:.1f} times"))
    return Table("Measured with `make bench`", ("what", "figure"), rows)


def _ids(case: Result) -> str:
    return "with ids" if case["ids"] else "without ids"


SUMMARY_OPERATIONS: Final = ("spend", "hold and capture", "read the balances of a customer")
SUMMARY_CASES: Final = ("one event a request", "100 events a request, one customer")

TABLES: Final[Mapping[str, Callable[[Result], list[Table]]]] = {
    "units": _units,
    "operations": _operations,
    "cpu": _cpu,
    "http": _http,
    "cold": _cold,
    "growth": _growth,
    "alerts": _alerts,
    "peers": _peers,
}
