"""Progress bars: on standard error, where a person looks on, and gone when the work is done."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress, ProgressColumn


def bar(*columns: ProgressColumn) -> Progress:
    """A bar of these columns, which nobody is shown where standard error is no terminal."""
    console = Console(stderr=True, markup=False, highlight=False)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
