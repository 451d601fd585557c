"""Lists in the order that a caller asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, TypeVar

from aureon.core.errors import Invalid
from aureon.core.exact import MAX_NUMBER_CHARACTERS

T = TypeVar("T")


def sort(
    items: Iterable[T],
    sorting: Sequence[str],
    by: Mapping[str, Callable[[T], Any]],
    *,
    default: str,
    id_of: Callable[[T], str] = attrgetter("id"),
) -> list[T]:
    """Sort by criteria such as ``-created_at``, the first counting most.

    Absent values come first; where all are alike, ids decide, so that the pages of a list fit
    together. Raises `Invalid` for a criterion that is not in `by`.
    """
    ordered = sorted(items, key=id_of)
    for criterion in reversed(sorting or (default,)):
        value_of = by.get(criterion.removeprefix("-"))
        if value_of is None:
            known = ", ".join(by)
            message = f"Sort by one of {known}, with a minus for the greatest first."
            raise Invalid.at(("query", "sorting"), message, criterion, kind="enum")
        ordered.sort(key=_nulls_first(value_of), reverse=criterion.startswith("-"))
    return ordered


def _nulls_first(value_of: Callable[[T], Any]) -> Callable[[T], tuple[bool, Any]]:
    def key(item: T) -> tuple[bool, Any]:
        value = value_of(item)
        return (value is not None, value if value is not None else 0)

    return key


def has_metadata(metadata: Mapping[str, Any] | None, wanted: Mapping[str, Sequence[str]]) -> bool:
    """Whether metadata has, for each key, one of the values that a query wants, as texts."""
    have = metadata or {}
    return all(key in have and _text(have[key]) in values for key, values in wanted.items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if (
        isinstance(value, Decimal)
        and -MAX_NUMBER_CHARACTERS < value.adjusted() < MAX_NUMBER_CHARACTERS
    ):
        return f"{value:f}"
    return str(value)
