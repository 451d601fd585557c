"""``--map``: which fields of another system's events become which of ours.

``name=type,external_customer_id=subject,external_id=source+id,timestamp=time,units=data.tokens``:
left of each ``=`` a field of an event, or a key of its metadata; right of it where its value is.
A dot leads into an object, ``+`` joins, ``|`` names another place for where the first is empty, and
a text in single quotes stands for itself. ``metadata=data`` takes the members of an object,
``metadata=*`` all that is taken nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from aureon.core import exact
from aureon.core.errors import AureonError
from aureon_cli.transfer.forms import METADATA, Cell, Value, typed

FIELDS: Final = ("name", "customer_id", "external_customer_id", "external_id", "timestamp")
EVERYTHING: Final = "*"
SEPARATOR: Final = ":"


class MapError(AureonError):
    """A map that cannot be read, and why."""


# Alternatives, each of them parts that are joined: a path, or a text in quotes.
Expression = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class FieldMap:
    """Where the fields of an event are found. Those that are `required` may not be empty."""

    targets: Mapping[str, Expression]
    required: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str, *, is_required: bool = False) -> Self:
        """Read a map as it is written. Raises `MapError`."""
        targets: dict[str, Expression] = {}
        for one in text.split(","):
            target, equals, source = (part.strip() for part in one.partition("="))
            expression = tuple(
                tuple(part.strip() for part in alternative.split("+"))
                for alternative in source.split("|")
            )
            if not equals or not target or not all(map(all, expression)):
                raise MapError(f"--map: {one.strip() or 'nothing'!r} is not FIELD=PLACE.")
            if target in targets:
                raise MapError(f"--map names {target} twice.")
            targets[target] = expression
        return cls(targets, frozenset({*targets} & {*FIELDS}) if is_required else frozenset())

    def __or__(self, other: FieldMap) -> FieldMap:
        """The same, with what the other map says in place of what this one does."""
        kept = self.required - other.targets.keys()
        return FieldMap({**self.targets, **other.targets}, kept | other.required)

    def paths(self) -> set[str]:
        """All places that are named."""
        return {
            part
            for expression in self.targets.values()
            for parts in expression
            for part in parts
            if not _is_literal(part)
        }

    def apply(self, value: Mapping[str, Any], dropped: Collection[str]) -> Value:
        """The event, as far as the map tells. Raises ValueError, with a sentence."""
        event: Value = {}
        metadata: Value = {}
        for target, expression in self.targets.items():
            if target == METADATA:
                metadata = self._members(value, expression, dropped) | metadata
                continue
            found = _first(value, expression)
            if found is None and target in self.required:
                raise ValueError(f"{target}: There is nothing at {_shown(expression)}.")
            if found is None:
                continue
            if target in FIELDS:
                is_number = target == "timestamp" and not isinstance(found, str)
                event[target] = found if is_number else _text(found)
            else:
                metadata[target.removeprefix(f"{METADATA}.")] = _unwrapped(found)
        if metadata:
            event[METADATA] = metadata
        return event

    def _members(
        self, value: Mapping[str, Any], expression: Expression, dropped: Collection[str]
    ) -> Value:
        """The members of the object that is to be the metadata, without those taken elsewhere."""
        ((path,),) = expression if len(expression) == 1 == len(expression[0]) else (("",),)
        elsewhere = self.paths()
        if path == EVERYTHING:
            found: Any = {name: held for name, held in value.items() if name not in dropped}
            outer = ""
        else:
            found = _at(value, path)
            found = exact.parse(found) if isinstance(found, Cell) else found
            outer = f"{path}."
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            raise ValueError(f"{path}: The metadata has to be an object.")
        return {
            name: _unwrapped(held)
            for name, held in found.items()
            if f"{outer}{name}" not in elsewhere
        }


def _first(value: Mapping[str, Any], expression: Expression) -> Any:
    """What the first alternative gives that is there as a whole."""
    for parts in expression:
        found = [part[1:-1] if _is_literal(part) else _at(value, part) for part in parts]
        if any(one is None or one == "" for one in found):
            continue
        return found[0] if len(found) == 1 else _joined(map(_text, found))
    return None


def _shown(expression: Expression) -> str:
    return "|".join(map("+".join, expression))


def _at(value: Any, path: str) -> Any:
    """What is at a path: a column of this name, or a member of an object."""
    if not isinstance(value, Mapping):
        return None
    if path in value:
        return value[path]
    outer, _, inner = path.partition(".")
    return _at(value.get(outer), inner) if inner else None


def _joined(parts: Iterator[str]) -> str:
    """One text of several, another for other parts: ``a:b`` and ``c`` are not ``a`` and ``b:c``."""
    *first, last = parts
    escaped = [part.replace("%", "%25").replace(SEPARATOR, "%3A") for part in first]
    return SEPARATOR.join([*escaped, last])


def _text(found: Any) -> Any:
    """A name or an id as text; what is neither text nor a number stays, and is refused."""
    if isinstance(found, bool) or not isinstance(found, int | Decimal | str):
        return found
    return str(found)


def _unwrapped(found: Any) -> Any:
    return typed(found) if isinstance(found, Cell) else found


def _is_literal(part: str) -> bool:
    return len(part) > 1 and part[0] == part[-1] == "'"
