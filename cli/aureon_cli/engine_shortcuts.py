"""What the embedded engine does again and again, made cheap: it answers as before, and sooner.

ministack reads the same expressions anew for each item of a transaction, copies items value by
value, copies all that it holds before it saves it, and writes JSON in Python. It is the process
that `make dev` waits for most. Here are all of its private names that we lean on; what each of them
answers stays the same.
"""

from __future__ import annotations

import copy
import json
import marshal
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from types import SimpleNamespace
from typing import IO, Any, Final, cast

import msgspec
from ministack.services import dynamodb  # type: ignore[import-untyped]

# Of JSON without needless spaces, in UTF-8.
COMPACT_OPTIONS: Final = {"default", "ensure_ascii", "separators"}
# Of expressions Aureon has some hundreds.
EXPRESSIONS: Final = 4096
# Of marshal's formats the last that does not look for values that are the same object.
PLAIN: Final = 2
# Functions of an expression alone, whose answers nobody changes.
PURE: Final = ("_tokenize", "_condition_syntax_error")


def install() -> None:
    """Let ministack, in this process, take the shortcuts from now on."""
    json.dumps = cast("Any", write_json)
    json.dump = cast("Any", _write_json_to_file)
    dynamodb.get_state = uncopied(dynamodb.get_state)
    install_for_tables()


def install_for_tables() -> None:
    """The same for what it does with tables alone; how this process writes JSON stays as it is."""
    dynamodb.copy = SimpleNamespace(deepcopy=copied)
    for name in PURE:
        setattr(dynamodb, name, lru_cache(EXPRESSIONS)(getattr(dynamodb, name)))


def write_json(value: Any, **options: Any) -> str:
    """What `json.dumps` writes, in C: an answer, or a record of the stream, is one call of it.

    What msgspec does not write, half a surrogate pair for one, the standard library does; and what
    is wanted in an order, or indented.
    """
    if options.keys() <= COMPACT_OPTIONS:
        with suppress(TypeError, UnicodeEncodeError, msgspec.MsgspecError):
            return msgspec.json.encode(value).decode()
    return _dumps(value, **options)


_dumps: Final = json.dumps


def _write_json_to_file(value: Any, file: IO[str], **options: Any) -> None:
    """What `json.dump` writes, which does not use the C that `json.dumps` does."""
    file.write(_dumps(value, check_circular=False, **options))


def uncopied(get_state: Callable[[], Any]) -> Callable[[], Any]:
    """The same without copies, for who writes the state down before anything changes it."""

    def get() -> Any:
        copying = dynamodb.copy
        dynamodb.copy = SimpleNamespace(deepcopy=lambda value: value)
        try:
            return get_state()
        finally:
            dynamodb.copy = copying

    return get


def copied(value: Any) -> Any:
    """What `copy.deepcopy` makes of what JSON says, in C."""
    try:
        return marshal.loads(marshal.dumps(value, PLAIN))  # noqa: S302 - what was dumped here
    except ValueError:
        return copy.deepcopy(value)
