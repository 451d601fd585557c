"""How much memory functions are to have: what a request costs, and how long it takes, by memory.

Lambda gives a function a share of a core by its memory, a whole one at 1,769 MB. So the CPU that a
request takes stretches to `CPU x 1,769 / memory`, while its waits for the database stay; the price
is of the time and the memory together. The CPU is that of `bench/results`, as `make bench` has
measured it; the waits and prices are those of `bench/prices.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

BENCH: Final = Path(__file__).parents[1] / "bench"
SIZES: Final = (256, 512, 1_024, 1_769, 3_008)
CASE: Final = "one event a request"
HANDLER: Final = "ingest"


def table() -> str:
    """What a request and a cold start take, a line for each size of memory."""
    told = json.loads((BENCH / "prices.json").read_text())
    case = _named(CASE, _result("units")["cases"])
    started = _named(HANDLER, _result("cold")["handlers"])
    assumed = told["assumptions"]
    usd = {name: price["usd"] for name, price in told["prices"].items()}
    waits = sum(assumed["dynamodb_call_seconds"].values())
    cpu = case["ours"]["cpu_ms"] / 1_000
    cold_ms = started["imports_cpu_ms"] + started["first_request_cpu_ms"]
    lines = [
        "| MB | a request, ms | $ a million | a cold start, ms |",
        "| --: | --: | --: | --: |",
    ]
    for size in SIZES:
        # More than one core serves nobody: a request is one thread's work.
        slower = max(1.0, assumed["lambda_megabytes_of_one_core"] / size)
        seconds = cpu * slower + waits
        price = seconds * size / 1_024 * usd["lambda_gigabyte_second"] + usd["lambda_request"]
        lines.append(
            f"| {size:,} | {seconds * 1_000:.0f} | {price * 1_000_000:.2f} "
            f"| {cold_ms * slower:.0f} |"
        )
    return "\n".join(lines)


def _result(part: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((BENCH / "results" / f"{part}.json").read_text())["result"]
    return result


def _named(name: str, among: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (one for one in among if one["name"] == name)
    return found


if __name__ == "__main__":
    print(table())
