"""Updates and conditions, built of values and never of strings.

Every attribute and every value stands behind a placeholder: no name can be one of DynamoDB's
reserved words, nothing is named that the expression does not use, and what goes over the wire, and
is parsed with each write, has few characters.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, Protocol

from msgspec import Struct, field

from aureon.storage import limits
from aureon.storage.keys import PARTITION


class Placeholders:
    """The placeholders of one write, whose update and condition share them.

    A value that stands in several places has one: the same object, not only an equal one.
    """

    __slots__ = ("_names", "_values")

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[int, tuple[str, Any]] = {}

    def name(self, attribute: str) -> str:
        found = self._names.get(attribute)
        if found is None:
            found = self._names[attribute] = f"#{len(self._names):x}"
        return found

    def value(self, value: Any) -> str:
        found = self._values.get(id(value))
        if found is None:
            found = self._values[id(value)] = (f":{len(self._values):x}", value)
        return found[0]

    @property
    def names(self) -> dict[str, str]:
        """Attributes by placeholder."""
        return {placeholder: attribute for attribute, placeholder in self._names.items()}

    @property
    def values(self) -> dict[str, Any]:
        """Plain values by placeholder."""
        return dict(self._values.values())


class Condition(Protocol):
    """What must hold of an item for a write to happen."""

    def text(self, placeholders: Placeholders) -> str: ...


class _Comparison(Struct, frozen=True):
    attribute: str
    operator: Literal["=", "<", ">"]
    value: Any

    def text(self, placeholders: Placeholders) -> str:
        name = placeholders.name(self.attribute)
        return f"{name} {self.operator} {placeholders.value(self.value)}"


class _Existence(Struct, frozen=True):
    attribute: str
    function: Literal["attribute_exists", "attribute_not_exists"]

    def text(self, placeholders: Placeholders) -> str:
        return f"{self.function}({placeholders.name(self.attribute)})"


class _Joined(Struct, frozen=True):
    word: Literal["AND", "OR"]
    conditions: Sequence[Condition]

    def text(self, placeholders: Placeholders) -> str:
        texts = (
            f"({condition.text(placeholders)})"
            if isinstance(condition, _Joined)
            else condition.text(placeholders)
            for condition in self.conditions
        )
        return f" {self.word} ".join(texts)


def equals(attribute: str, value: Any) -> Condition:
    return _Comparison(attribute, "=", value)


def below(attribute: str, value: Any) -> Condition:
    """The attribute is there, and less than this."""
    return _Comparison(attribute, "<", value)


def above(attribute: str, value: Any) -> Condition:
    """The attribute is there, and greater than this."""
    return _Comparison(attribute, ">", value)


def absent(attribute: str = PARTITION) -> Condition:
    """There is no such attribute; or, without its name, no item."""
    return _Existence(attribute, "attribute_not_exists")


def present(attribute: str = PARTITION) -> Condition:
    """There is such an attribute; or, without its name, an item."""
    return _Existence(attribute, "attribute_exists")


def all_of(*conditions: Condition) -> Condition:
    """All of these hold; there is at least one."""
    return _Joined("AND", conditions) if len(conditions) > 1 else conditions[0]


def any_of(*conditions: Condition) -> Condition:
    """One of these holds; there is at least one."""
    return _Joined("OR", conditions) if len(conditions) > 1 else conditions[0]


class Update(Struct, frozen=True):
    """Changes of an item's attributes, by name; its others stay as they are.

    `initial` is set where there is no such attribute, `added` is added to what is there, or to 0.
    """

    assigned: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    added: Mapping[str, Any] = field(default_factory=dict)
    removed: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.assigned or self.initial or self.added or self.removed)

    def text(self, placeholders: Placeholders) -> str:
        name, value = placeholders.name, placeholders.value
        set_ = [f"{name(attribute)} = {value(new)}" for attribute, new in self.assigned.items()]
        for attribute, new in self.initial.items():
            set_.append(f"{name(attribute)} = if_not_exists({name(attribute)}, {value(new)})")
        clauses = []
        if set_:
            clauses.append("SET " + ", ".join(set_))
        if self.added:
            added = (f"{name(attribute)} {value(more)}" for attribute, more in self.added.items())
            clauses.append("ADD " + ", ".join(added))
        if self.removed:
            clauses.append("REMOVE " + ", ".join(map(name, self.removed)))
        return " ".join(clauses)


def parameters(update: Update | None, condition: Condition | None) -> Mapping[str, Any]:
    """What a request has of them: its expressions, and what their placeholders stand for.

    Values are plain. Raises `LimitExceeded` where DynamoDB would refuse an expression.
    """
    if update is None:
        if condition is None:
            return _NOTHING
        if isinstance(condition, _Existence):
            return _of_existence(condition)
    placeholders = Placeholders()
    found: dict[str, Any] = {}
    if update is not None:
        text = found["UpdateExpression"] = update.text(placeholders)
        limits.check_expression(text, updates=True)
    if condition is not None:
        text = found["ConditionExpression"] = condition.text(placeholders)
        limits.check_expression(text)
    found["ExpressionAttributeNames"] = placeholders.names
    if values := placeholders.values:
        found["ExpressionAttributeValues"] = values
    return found


_NOTHING: Final[Mapping[str, Any]] = {}


@lru_cache(maxsize=100)
def _of_existence(condition: _Existence) -> Mapping[str, Any]:
    """A transaction has many of them: each claim is put on the condition that it is new."""
    placeholders = Placeholders()
    text = condition.text(placeholders)
    return {"ConditionExpression": text, "ExpressionAttributeNames": placeholders.names}
