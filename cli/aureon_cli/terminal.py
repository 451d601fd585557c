"""What a person sees: tables on standard output, progress bars on standard error."""

from __future__ import annotations

import sys
from typing import Final

from rich.console import Console
from rich.progress import Progress, ProgressColumn
from rich.table import Table

WIDE: Final = 240  # columns, where the output is not a terminal


def show(table: Table) -> None:
    """Print a table, unfolded where the output is not a terminal."""
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, markup=False, highlight=False).print(table)


def bar(*columns: ProgressColumn) -> Progress:
    """A progress bar of these columns, hidden where standard error is not a terminal.

    It is gone when the work is done.
    """
    console = Console(stderr=True, markup=False, highlight=False)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
