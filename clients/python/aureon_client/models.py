"""What answers of language models used, as OpenAI's and Anthropic's Python SDKs give them.

    with client.hold("ann", "tokens", units=500) as hold:
        with metered(hold, openai.chat.completions.create(..., stream=True)) as answer:
            for chunk in answer: ...

Nothing of either SDK is imported: answers are known by what they have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from ._async.holds import AsyncHold
from ._charges import Units
from ._sync.holds import Hold

if TYPE_CHECKING:
    from types import TracebackType

Answer = TypeVar("Answer")
CHARACTERS_A_TOKEN: Final = 4


@dataclass(frozen=True)
class Usage:
    """Tokens that went in, those read from and written to a cache among them, and that came out."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: what is said nowhere else, a hang-up has to be charged."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


class metered(Generic[Answer]):  # noqa: N801
    """Tells a hold what an answer uses, plain or streamed, while it is read.

    The answer is read as it is without: iterate over it, with ``async for`` if it is one of an
    async client. The model's own figures count as soon as they come. A stream of OpenAI's chat
    completions has them only with ``stream_options={"include_usage": True}``, at its end. Until
    then, and where the caller hangs up, output is estimated by its length, and input is
    `input_tokens`.
    `units` makes units of tokens: by default, as many as there are tokens in all.
    """

    def __init__(
        self,
        hold: Hold | AsyncHold,
        answer: Answer,
        *,
        input_tokens: int = 0,
        units: Callable[[Usage], Units] = lambda usage: usage.total_tokens,
    ) -> None:
        self._hold = hold
        self._answer = answer
        self._before = hold.used or 0
        self._units = units
        self._input_tokens = input_tokens
        self._output_tokens: int | None = None
        self._characters = 0

    @property
    def usage(self) -> Usage:
        """What has been used so far, as far as is known."""
        output = self._output_tokens
        if output is None:
            output = -(-self._characters // CHARACTERS_A_TOKEN)
        return Usage(self._input_tokens, output)

    def __enter__(self) -> Answer:
        self._read(self._answer)
        streams = hasattr(self._answer, "__next__") or hasattr(self._answer, "__anext__")
        return cast(Answer, _Stream(self)) if streams else self._answer

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        close = getattr(self._answer, "close", None)
        if close is not None:
            close()

    async def __aenter__(self) -> Answer:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        close = getattr(self._answer, "close", None)
        if close is not None:
            await close()

    def _read(self, chunk: Any) -> None:
        """Take from an answer, or from a part of one, what it says about usage."""
        for said in _said(chunk):
            usage = _get(said, "usage")
            if usage is None:
                continue
            given = [_get(usage, name) for name in ("prompt_tokens", "input_tokens")]
            cached = [
                _get(usage, f"cache_{kind}_input_tokens") or 0 for kind in ("read", "creation")
            ]
            for tokens in given:
                if tokens is not None:
                    self._input_tokens = tokens + sum(cached)
            # The first event of a message of Anthropic's has but a token or so of output.
            begins = _get(chunk, "type") == "message_start"
            for name in ("completion_tokens", "output_tokens"):
                tokens = _get(usage, name)
                if tokens is not None and not begins:
                    self._output_tokens = tokens
        self._characters += sum(map(len, texts_of(chunk)))
        self._hold.used = self._before + self._units(self.usage)


class _Stream:
    """A stream that is read through: all else is the stream's own."""

    def __init__(self, by: metered[Any]) -> None:
        self._by = by
        self._stream = by._answer

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        chunk = next(self._stream)
        self._by._read(chunk)
        return chunk

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        chunk = await self._stream.__anext__()
        self._by._read(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _get(value: Any, name: str) -> Any:
    """A field of an object, or of a dictionary; None where it is missing."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _said(chunk: Any) -> Iterator[Any]:
    """Where an answer, or an event of one, may speak of usage."""
    yield chunk
    # OpenAI's responses, Anthropic's messages, and what OpenAI's own helpers wrap.
    for name in ("response", "message", "chunk"):
        part = _get(chunk, name)
        if part is not None:
            yield part


def texts_of(chunk: Any) -> Iterator[str]:
    """What an event adds to the output."""
    for choice in _get(chunk, "choices") or ():
        delta = _get(choice, "delta")
        for name in ("content", "reasoning_content", "refusal"):
            yield from _text(_get(delta, name))
        for call in _get(delta, "tool_calls") or ():
            yield from _text(_get(_get(call, "function"), "arguments"))
    delta = _get(chunk, "delta")
    yield from _text(delta)
    for name in ("text", "partial_json", "thinking"):
        yield from _text(_get(delta, name))


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
