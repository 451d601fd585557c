"""Texts as people search for them: whatever their case, and with or without accents."""

from __future__ import annotations

import unicodedata
from typing import Final

# Letters that Unicode does not take apart into a letter and a mark.
_WHOLE: Final = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\u0131": "i",
        "ħ": "h",
    }
)


def folded(text: str) -> str:
    """A text without case and accents: ``Ångström`` and ``angstrom`` are the same."""
    if text.isascii():
        return text.casefold()
    apart = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in apart if not unicodedata.combining(each))
    return unicodedata.normalize("NFKC", bare).translate(_WHOLE)
