"""How much memory functions are to have: what a request costs, and how long it takes, by memory.

Lambda gives a function a share of a core by its memory, a whole one at 1,769 MB. So the CPU that a
request takes stretches to `CPU x 1,769 / memory`, while its waits for the database stay; the price
is of the time and the memory together. The CPU is that of `bench/results/units.json`, the waits and
prices are those of `bench/prices.json`; what a cold start
imports is measured here.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

BENCH: Final = Path(__file__).parents[1] / "bench"
SIZES: Final = (256, 512, 1_024, 1_769, 3_008)
CASE: Final = "one event a request"
RUNS: Final = 9
IMPORTS: Final = """
import time
import ingest
from aureon import store
store.connect(region_name="us-east-1")
print(time.process_time())
"""


def import_seconds() -> float:
    """CPU seconds of a fresh interpreter until a function is ready: the median of several."""
    program = [sys.executable, "-c", IMPORTS]
    return statistics.median(
        float(subprocess.run(program, capture_output=True, check=True).stdout)  # noqa: S603
        for _ in range(RUNS)
    )


def main() -> None:
    told = json.loads((BENCH / "prices.json").read_text())
    (case,) = [
        case
        for case in json.loads((BENCH / "results" / "units.json").read_text())["result"]["cases"]
        if case["name"] == CASE
    ]
    assumed = told["assumptions"]
    usd = {name: price["usd"] for name, price in told["prices"].items()}
    waits = sum(assumed["dynamodb_call_seconds"].values())
    cpu = case["ours"]["cpu_ms"] / 1_000
    cold = import_seconds()
    print("| MB | a request, ms | $ a million | imports of a cold start, ms |")
    print("| --: | --: | --: | --: |")
    for size in SIZES:
        # More than one core serves nobody: a request is one thread's work.
        slower = max(1.0, assumed["lambda_megabytes_of_one_core"] / size)
        seconds = cpu * slower + waits
        price = seconds * size / 1_024 * usd["lambda_gigabyte_second"] + usd["lambda_request"]
        print(
            f"| {size:,} | {seconds * 1_000:.0f} | {price * 1_000_000:.2f} "
            f"| {cold * slower * 1_000:.0f} |"
        )


if __name__ == "__main__":
    main()
