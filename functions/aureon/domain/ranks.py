"""Ranks: texts that sort as what customers have left does, to two digits.

A rank says who has less, and so who comes first in a list. It is as coarse as that, so that a
customer who uses a little keeps it: to move costs a transaction, and to stay costs nothing.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Context, Decimal
from typing import Final, Literal

Status = Literal["over", "empty", "left"]
STATUSES: Final[tuple[Status, ...]] = ("over", "empty", "left")
# What a rank of each status begins with.
_BEGINNINGS: Final = dict(zip(STATUSES, "012", strict=True))
_DIGITS: Final = 2
_COARSE: Final = Context(prec=_DIGITS, rounding=ROUND_DOWN)
# The exponents of numbers with 15 digits before the point and 12 behind it lie around this.
_MIDDLE: Final = 50


def status_of(left: Decimal) -> Status:
    """Whether somebody has credits left, none, or has used more than there were."""
    if left == 0:
        return "empty"
    return "left" if left > 0 else "over"


def rank(left: Decimal) -> str:
    """The rank of so many credits left, below 0 where somebody is over: ``25110``, two digits.

    Of two amounts, the smaller has the rank that sorts first, or both have the same.
    """
    status = status_of(left)
    if status == "empty":
        return _BEGINNINGS[status]
    coarse = _COARSE.create_decimal(abs(left))
    digits = "".join(map(str, coarse.as_tuple().digits)).ljust(_DIGITS, "0")
    size = f"{_MIDDLE + coarse.adjusted():02}{digits}"
    if status == "over":
        size = "".join(str(9 - int(digit)) for digit in size)
    return _BEGINNINGS[status] + size


def between(status: Status) -> tuple[str, str]:
    """The ranks of a status: from the first of these on, and before the second."""
    beginning = _BEGINNINGS[status]
    return beginning, chr(ord(beginning) + 1)
