"""``make bench``: measure, print, store, and write the figures into the documents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import typer

from bench import alerting, cold, cpu, growth, operations, over_http, report, units

Measure = Callable[..., dict[str, Any]]

# Each part, and its sizes: as they are stored, and as they are for a quick look.
PARTS: Final[dict[str, tuple[Measure, dict[str, Any], dict[str, Any]]]] = {
    "units": (units.measure, {"times": 10}, {"times": 3}),
    "operations": (operations.measure, {"times": 30}, {"times": 3}),
    "cpu": (cpu.measure, {"events": 1_000, "rounds": 3}, {"events": 1_000, "rounds": 1}),
    "http": (over_http.measure, {"share": 1.0}, {"share": 0.1}),
    "cold": (cold.measure, {"turns": 7}, {"turns": 1}),
    "alerts": (
        alerting.measure,
        {"crossings": 200, "largest": 10_000, "times": 9},
        {"crossings": 5, "largest": 100, "times": 2},
    ),
    "growth": (growth.measure, {"largest": 100_000, "times": 9}, {"largest": 100, "times": 2}),
}


def main(
    parts: Annotated[
        list[str] | None, typer.Argument(help=f"Some of: {', '.join(PARTS)}. All without any.")
    ] = None,
    quick: Annotated[
        bool, typer.Option(help="Measure little, and store nothing: a look while developing.")
    ] = False,
) -> None:
    """Measure costs, speed and growth on the local engine."""
    chosen = parts or list(PARTS)
    if unknown := [part for part in chosen if part not in PARTS]:
        raise typer.BadParameter(f"Unknown: {', '.join(unknown)}. The parts: {', '.join(PARTS)}.")
    if not quick:
        report.refuse_changes("measure with --quick")
    command = " ".join(["make bench", *([f'ARGS="{" ".join(parts)}"'] if parts else [])])
    for part in chosen:
        measure, whole, little = PARTS[part]
        sizes = little if quick else whole
        report.measured(part, command, partial(measure, **sizes), is_kept=not quick)
    if not quick:
        report.fill()


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
