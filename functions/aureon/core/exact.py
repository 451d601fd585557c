"""JSON with exact numbers: decimals as they were written, never binary floats."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Final

import msgspec

# Wide enough for any sum of values that Aureon accepts; a result that would have to be rounded
# raises instead.
EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])
ZERO: Final = Decimal(0)

# What a number may have that is counted, at most: what has more after the point is rounded.
MAX_INTEGER_DIGITS: Final = 15
INTEGER_LIMIT: Final = 10**MAX_INTEGER_DIGITS
MAX_FRACTION_DIGITS: Final = 12
STEP: Final = Decimal(1).scaleb(-MAX_FRACTION_DIGITS)
# What a number may have that is kept as it is written.
MAX_NUMBER_CHARACTERS: Final = 40

_ROUNDING: Final = Context(
    prec=MAX_NUMBER_CHARACTERS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation]
)

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_canonical: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def parse(text: str | bytes) -> Any:
    """Read JSON; a number with a point or an exponent becomes a Decimal.

    Raises ValueError where the text is not JSON: NaN and infinities, lone surrogates, and
    nesting that is too deep are not.
    """
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    except ArithmeticError as error:
        raise ValueError("a number out of range") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except UnicodeError as error:
        raise ValueError("not valid Unicode") from error


def write(value: Any) -> bytes:
    """Write JSON, every Decimal as a number with all its digits."""
    return _encoder.encode(value)


def write_canonical(value: Any) -> bytes:
    """Write JSON with the members of objects in a fixed order: equal values, equal bytes."""
    return _canonical.encode(value)


def plain(number: Decimal) -> Decimal:
    """The same number with all its whole digits: ``Decimal("1E+3")`` becomes ``1000``.

    Nothing is 0, not ``0E-9``, which sums of many digits come to.
    """
    return Decimal(f"{number:f}") if number else ZERO


def has_few_characters(number: Decimal | int) -> bool:
    """Whether a number takes no more characters than are kept, in its shorter notation.

    No integer has more than 4,300 digits, which is as many as are parsed.
    """
    if isinstance(number, int):
        return len(str(number)) <= MAX_NUMBER_CHARACTERS
    if not number.is_finite():
        return False
    if len(str(number)) <= MAX_NUMBER_CHARACTERS:
        return True
    sign, digits, exponent = number.as_tuple()
    return sign + len(digits) + len(f"e{exponent}") <= MAX_NUMBER_CHARACTERS


def counted(number: Decimal | int) -> Decimal | None:
    """A number as it is counted: halves are rounded to the even neighbour, at the 12th decimal.

    None where it has more than 15 digits before the point.
    """
    if isinstance(number, int):
        return Decimal(number) if -INTEGER_LIMIT < number < INTEGER_LIMIT else None
    if not number or number.adjusted() < -MAX_FRACTION_DIGITS - 1:
        return ZERO
    if number.adjusted() >= MAX_INTEGER_DIGITS:
        return None
    if int(number.as_tuple().exponent) >= -MAX_FRACTION_DIGITS:
        return number
    rounded = number.quantize(STEP, context=_ROUNDING)
    return rounded.normalize(_ROUNDING) if abs(rounded) < INTEGER_LIMIT else None


def canonical(number: Decimal | int) -> Decimal | int:
    """One form of equal numbers. It takes no more room than the number, however large that is."""
    if isinstance(number, int):
        return number
    if number.adjusted() < MAX_NUMBER_CHARACTERS and number == number.to_integral_value():
        return int(number)
    sign, digits, exponent = number.as_tuple()
    kept = "".join(map(str, digits)).rstrip("0")
    if not kept:
        return 0
    return Decimal(f"{'-' * sign}{kept}e{int(exponent) + len(digits) - len(kept)}")


def to_stored(values: Mapping[str, Any]) -> str:
    """JSON, to be stored as text: the database's own numbers keep neither zeros nor 40 digits."""
    return write(values).decode()


def from_stored(stored: str | Mapping[str, Any]) -> Mapping[str, Any]:
    """What `to_stored` wrote, or, before there was such a thing, the database's own values."""
    if isinstance(stored, str):
        values: dict[str, Any] = parse(stored)
        return values
    return stored
