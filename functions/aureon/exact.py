"""JSON with exact numbers: decimals as they were written, never binary floats."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Final

import msgspec

# Wide enough for any sum of values that Aureon accepts; a result that would have to be rounded
# raises instead.
EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])
ZERO: Final = Decimal(0)

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
    except UnicodeEncodeError as error:
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
