"""How much memory functions are to have: what a request costs, and how long it takes, by memory.

Lambda gives a function a share of a core by its memory, a whole one at 1,769 MB. So the CPU that a
request takes stretches to `CPU x 1,769 / memory`, while its waits for the database stay; the price
is of the time and the memory together. The CPU is that of `bench/results/units.json`, the waits and
prices are those of `bench/prices.json`; a cold start is the import of the handler, measured here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

# As a script it finds its neighbours by itself.
from import_times import CLIENT, milliseconds  # type: ignore[import-not-found]

BENCH: Final = Path(__file__).parents[1] / "bench"
SIZES: Final = (256, 512, 1_024, 1_769, 3_008)
CASE: Final = "one event a request"
HANDLER: Final = "ingest"


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
    cold = milliseconds(f"import {HANDLER}; {CLIENT}") / 1_000
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
