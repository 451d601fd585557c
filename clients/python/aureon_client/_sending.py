"""When a request is sent again, and when to give up: pauses, and the deadline."""

from __future__ import annotations

import random
import time
from typing import Final

import httpx

from ._exact import decode
from .errors import Refused, Unavailable, refused

FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
# Answers after which the same request may succeed. The others say that it never will.
TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
# Failures before anything was sent.
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Failures that no other attempt would change.
HOPELESS: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


class Tries:
    """The attempts at one request, until its deadline.

    `uncertain` says whether one of them may have been carried out, though its answer got lost.
    """

    def __init__(self, deadline_seconds: float, id: str | None) -> None:
        self._ends = time.monotonic() + deadline_seconds
        self._id = id
        self._count = 0
        self.uncertain = False

    def timeout(self, longest_seconds: float) -> float:
        """How long the next attempt may take."""
        return max(0.001, min(longest_seconds, self._ends - time.monotonic()))

    def answered(self, response: httpx.Response) -> object:
        """What an answer says. Raises `Refused` where it says no, `_TryAgain` where it is none."""
        try:
            body = decode(response.content) if response.content else None
        except ValueError:
            if response.is_success:
                raise _TryAgain("The answer is no JSON.", uncertain=True) from None
            body = response.text
        if response.is_success:
            return body
        problem = refused(response.status_code, body, uncertain=self.uncertain)
        if response.status_code not in TRY_AGAIN:
            raise problem
        wait = response.headers.get("retry-after", "")
        raise _TryAgain(
            str(problem),
            uncertain=response.status_code != 429,
            at_least_seconds=float(wait) if wait.isdecimal() else 0,
            refusal=problem if response.status_code == 429 else None,
        )

    def pause(self, failure: Exception) -> float:
        """How long to wait after a failure. Raises `Unavailable` where the deadline comes first."""
        if isinstance(failure, httpx.TransportError):
            if isinstance(failure, HOPELESS):
                raise failure
            failure = _TryAgain(
                f"{type(failure).__name__}: {failure}", uncertain=not isinstance(failure, NOT_SENT)
            )
        if not isinstance(failure, _TryAgain):
            raise failure
        self.uncertain = self.uncertain or failure.uncertain
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._count)
        self._count += 1
        pause = failure.at_least_seconds + random.uniform(0, longest)
        if time.monotonic() + pause >= self._ends:
            if failure.refusal is not None and not self.uncertain:
                raise failure.refusal
            raise Unavailable(self._id, str(failure)) from failure
        return pause


class _TryAgain(Exception):
    def __init__(
        self,
        said: str,
        *,
        uncertain: bool,
        at_least_seconds: float = 0,
        refusal: Refused | None = None,
    ) -> None:
        super().__init__(said)
        self.uncertain = uncertain
        self.at_least_seconds = at_least_seconds
        self.refusal = refusal
