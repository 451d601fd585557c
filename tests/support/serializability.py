"""Strict serializability: is there an order of all that was done that explains what was seen?

The search is Wing and Gong's, "Testing and verifying concurrent objects" (1993). It remembers what
has led nowhere, as Lowe's does, "Testing for linearizability" (2017).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol, TypeVar


class Operation(Protocol):
    """Something that was done between two moments; `math.inf` where nobody knows what became of it.

    Moments are numbers that rise. What nobody knows the end of may have been done, at whatever time
    since, or not at all.
    """

    @property
    def begun(self) -> float: ...

    @property
    def ended(self) -> float: ...


State = TypeVar("State", bound=Hashable)
Done = TypeVar("Done", bound=Operation)


def find_order(
    done: Sequence[Done],
    initial: State,
    step: Callable[[State, Done], Iterable[State]],
    *,
    patience: int = 1_000_000,
) -> list[Done] | None:
    """Find an order in which all operations make sense, or None where there is none.

    What ended before something else began comes before it. `step` names the states that an
    operation may lead to, given what its caller saw: none, where that makes no sense. What may
    have been done or not is left undone where it would change nothing: each order with it is one
    without it too. An order that is not found among so many beginnings, `patience`, is none.
    """
    known = {place for place, operation in enumerate(done) if operation.ended != float("inf")}
    failed: set[tuple[frozenset[int], State]] = set()

    def search(left: frozenset[int], state: State) -> list[Done] | None:
        if not left & known:
            return []
        if (left, state) in failed or len(failed) >= patience:
            return None
        first_end = min(done[place].ended for place in left)
        for place in sorted(left):
            if done[place].begun < first_end:
                for following in step(state, done[place]):
                    if following == state and place not in known:
                        continue
                    rest = search(left - {place}, following)
                    if rest is not None:
                        return [done[place], *rest]
        failed.add((left, state))
        return None

    return search(frozenset(range(len(done))), initial)
