"""Fills the figures of documents from the stored results."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bench import tables
from bench.conditions import ROOT, briefly, described

DOCUMENTS: Final = (ROOT / "docs" / "bench.md", ROOT / "docs" / "costs.md", ROOT / "README.md")
# What stands between two of these lines is written from the results of a part.
_FIGURES: Final = re.compile(
    r"(?P<begin><!-- figures: (?P<part>[a-z]+) -->\n).*?(?P<end><!-- end of figures -->)", re.DOTALL
)
# What the README shows of all parts.
SUMMARY: Final = "summary"
SUMMED_UP: Final = ("units", "operations", "cpu", "http", "cold")
NOT_MEASURED: Final = "*Not measured yet.*"


def filled(text: str) -> str:
    """A document with the figures of today's results in it."""
    return _FIGURES.sub(
        lambda found: f"{found['begin']}\n{figures(found['part'])}\n\n{found['end']}", text
    )


def fill() -> list[Path]:
    """Write the figures into the documents; return those that changed."""
    changed = [path for path in DOCUMENTS if filled(path.read_text()) != path.read_text()]
    for path in changed:
        path.write_text(filled(path.read_text()))
    return changed


def figures(part: str) -> str:
    """The tables of a part as Markdown, with the conditions under which they were measured."""
    if part == SUMMARY:
        return _summary()
    stored = tables.load(part)
    if stored is None:
        return NOT_MEASURED
    shown = [table.markdown() for table in tables.of(stored)]
    return "\n\n".join([*shown, f"*{described(stored['conditions'])}*"])


def _summary() -> str:
    """A few figures of all parts, each under the conditions of its own."""
    found = {part: stored for part in SUMMED_UP if (stored := tables.load(part)) is not None}
    conditions = "; ".join(
        f"{part}: {briefly(stored['conditions'])}" for part, stored in found.items()
    )
    return f"{tables.summary(found).markdown()}\n\n*{conditions}.*"


if __name__ == "__main__":
    fill()
