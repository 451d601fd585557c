"""Credits the plain way: one customer, one thing done after the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.api import Reply

# Units by meter; None where a meter doesn't count the event.
Units = tuple[int | None, ...]
Kind = Literal["ingest", "spend", "hold", "capture", "release", "link", "look"]
UNKNOWN = 0


class Entry(NamedTuple):
    """Units of a meter that a hold reserves, until a clock shows that it has expired."""

    hold: str
    meter: int
    units: int
    expires: float


class State(NamedTuple):
    """A customer. `ghost` is what its external id has gathered, None once that is the customer's.

    `ended` has what became of holds: nothing where they were released, else what was captured.
    """

    balances: tuple[int, ...]
    ghost: tuple[int, ...] | None = None
    entries: frozenset[Entry] = frozenset()
    spent: frozenset[str] = frozenset()
    placed: frozenset[str] = frozenset()
    ended: frozenset[tuple[str, Hashable]] = frozenset()


@dataclass(frozen=True)
class Done:
    """What a caller did between two moments, and the status that it was answered, or `UNKNOWN`.

    `id` is the external id of a spend or a hold. `content` tells what a capture counts from what
    others of its hold do, where its units do not. `held` are the units that a hold is placed with.
    `clocks` are the times that whoever served it may have read. `balances`, `open_units` and
    `expires` are what the answer said, where it said so: the balance of each meter, and the units
    of it that are held. They must have been so where something was decided; a repeat only looks,
    and may see what others are about to do in another order.
    """

    kind: Kind
    begun: float
    ended: float
    status: int
    units: Units = ()
    id: str | None = None
    content: Hashable = None
    held: Units = ()
    by_external_id: bool = False
    limit: int = 0
    clocks: tuple[float, ...] = (0,)
    balances: tuple[int | None, ...] | None = None
    open_units: tuple[int | None, ...] | None = None
    expires: float | None = None


HOLD_SECONDS = 60


def step(state: State, done: Done) -> Iterator[State]:
    """The states that something may lead to, where it was answered as it was."""
    if done.status == UNKNOWN:
        yield state
    for clock in done.clocks:
        for status, following in _DO[done.kind](state, done, clock):
            if done.status in (status, UNKNOWN):
                yield following


Outcomes = Iterator[tuple[int, State]]


def _ingest(state: State, done: Done, clock: float) -> Outcomes:
    if done.by_external_id and state.ghost is not None:
        yield 200, state._replace(ghost=_sum(state.ghost, done.units))
    else:
        yield 200, state._replace(balances=_sum(state.balances, done.units))


def _link(state: State, done: Done, clock: float) -> Outcomes:
    yield 200, state._replace(balances=_sum(state.balances, state.ghost or ()), ghost=None)
    if state.ghost is None:
        # Somebody else has just done it.
        yield 422, state


def _spend(state: State, done: Done, clock: float) -> Outcomes:
    if done.by_external_id and state.ghost is not None:
        yield 422, state
    elif done.id in state.spent:
        yield 200, state
    elif _suffice(state, done.units, done.limit, clock):
        following = _swept(state, done.units, clock)
        following = following._replace(balances=_sum(state.balances, done.units))
        if done.id is not None:
            following = following._replace(spent=state.spent | {done.id})
        if _was_seen(done, following, clock):
            yield 200, following
    else:
        yield from _refused(state, done, done.units, clock)


def _hold(state: State, done: Done, clock: float) -> Outcomes:
    assert done.id is not None
    if done.by_external_id and state.ghost is not None:
        yield 422, state
    elif done.id in state.placed:
        yield 200, state
    elif _suffice(state, done.held, done.limit, clock):
        following = _swept(state, done.held, clock)._replace(placed=state.placed | {done.id})
        read = [now + HOLD_SECONDS for now in done.clocks]
        for expires in read if done.expires is None else [done.expires]:
            entries = {
                Entry(done.id, meter, units, expires)
                for meter, units in enumerate(done.held)
                if units is not None
            }
            placed = following._replace(entries=following.entries | entries)
            if _was_seen(done, placed, clock):
                yield 200, placed
    else:
        yield from _refused(state, done, done.held, clock)


def _capture(state: State, done: Done, clock: float) -> Outcomes:
    outcomes = dict(state.ended)
    if done.id in outcomes:
        yield (200 if outcomes[done.id] == _captured(done) else 409), state
    elif _suffice(state, done.units, done.limit, clock, done.id):
        following = _ended(state, done, clock, _captured(done))
        following = following._replace(balances=_sum(state.balances, done.units))
        if _was_seen(done, following, clock):
            yield 200, following
    else:
        yield from _refused(state, done, done.units, clock)


def _release(state: State, done: Done, clock: float) -> Outcomes:
    outcomes = dict(state.ended)
    if done.id in outcomes:
        yield (200 if outcomes[done.id] is None else 409), state
    else:
        following = _ended(state, done, clock, None)
        if _was_seen(done, following, clock):
            yield 200, following


def _look(state: State, done: Done, clock: float) -> Outcomes:
    """What decided nothing in the end may still have taken out what it found expired."""
    yield 200, _swept(state, done.units, clock)


_DO = {
    "ingest": _ingest,
    "link": _link,
    "spend": _spend,
    "hold": _hold,
    "capture": _capture,
    "release": _release,
    "look": _look,
}


def _refused(state: State, done: Done, units: Units, clock: float) -> Outcomes:
    """Expired entries may be gone then, or not."""
    if _was_seen(done, state, clock):
        yield 402, state
        yield 402, _swept(state, units, clock)


def _suffice(state: State, units: Units, limit: int, clock: float, hold: str | None = None) -> bool:
    """Whether the credits are enough; what the hold itself has is there in any case."""
    for meter, wanted in enumerate(units):
        open_ = [e for e in state.entries if e.meter == meter and e.expires > clock]
        beyond = (wanted or 0) - sum(entry.units for entry in open_ if entry.hold == hold)
        held = sum(entry.units for entry in open_)
        if beyond > 0 and state.balances[meter] + held + beyond > limit:
            return False
    return True


def _swept(state: State, units: Units, clock: float) -> State:
    """Without the entries that have expired, of the meters that were looked at."""
    looked_at = {meter for meter, counted in enumerate(units) if counted is not None}
    return state._replace(
        entries=frozenset(
            entry
            for entry in state.entries
            if entry.meter not in looked_at or entry.expires > clock
        )
    )


def _ended(state: State, done: Done, clock: float, outcome: Hashable) -> State:
    assert done.id is not None
    swept = _swept(_swept(state, done.held, clock), done.units, clock)
    return swept._replace(
        entries=frozenset(entry for entry in swept.entries if entry.hold != done.id),
        ended=state.ended | {(done.id, outcome)},
    )


def _captured(done: Done) -> Hashable:
    return done.units if done.content is None else done.content


def _sum(balances: tuple[int, ...], units: Units) -> tuple[int, ...]:
    added = [*units, *[None] * (len(balances) - len(units))]
    return tuple(balance + (counted or 0) for balance, counted in zip(balances, added, strict=True))


def _was_seen(done: Done, state: State, clock: float) -> bool:
    """Whether the answer showed this state, as far as it showed any."""
    held = [0] * len(state.balances)
    for entry in state.entries:
        if entry.expires > clock:
            held[entry.meter] += entry.units
    shown = ((done.balances, state.balances), (done.open_units, tuple(held)))
    return all(
        seen is None or all(one in (None, there) for one, there in zip(seen, were, strict=True))
        for seen, were in shown
    )


def shown(reply: Reply, meter_ids: Sequence[str]) -> dict[str, tuple[int | None, ...]]:
    """The balances and held units that an answer says, and of which meters."""
    standings = [reply.body] if reply.status == 402 else reply.body.get("meters", ())
    return {
        name: tuple(map({one["meter_id"]: one.get(field) for one in standings}.get, meter_ids))
        for name, field in (("balances", "balance"), ("open_units", "held_units"))
    }
