"""JSON with exact numbers: a `Decimal` is written as it is, and read as one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .types import DECIMALS


def encode(value: Any) -> bytes:
    """The JSON of a value. Raises `TypeError` for what has none, `ValueError` for NaN."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a number that can be sent.")
        return str(value)
    if isinstance(value, Mapping):
        members = (f"{json.dumps(str(key))}:{_written(each)}" for key, each in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return f"[{','.join(map(_written, value))}]"
    return json.dumps(value, allow_nan=False)


def decode(content: bytes) -> Any:
    """What JSON says, its fractions as `Decimal`; raises `ValueError` for what is none."""
    return _exact(json.loads(content, parse_float=Decimal))


def _exact(value: Any) -> Any:
    """The value with its decimals as `Decimal`, even those that happen to be whole."""
    if isinstance(value, list):
        return [_exact(each) for each in value]
    if isinstance(value, dict):
        return {
            name: Decimal(each)
            if name in DECIMALS and type(each) is int
            # What callers have put there stays as they have written it.
            else each
            if name == "metadata"
            else _exact(each)
            for name, each in value.items()
        }
    return value


def units_of(given: int | Decimal) -> int | Decimal:
    """Units as they were given. Raises `TypeError` for what is not exact."""
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise TypeError(f"Units are an int or a Decimal, which are exact, not {given!r}.")
    return given
