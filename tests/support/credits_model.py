"""Credits the plain way: one customer, one thing done after the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tests.support.handlers import Reply

# Units by meter; None where a meter doesn't count the event.
Units = tuple[int | None, ...]
Kind = Literal["ingest", "spend", "hold", "capture", "release", "extend", "link", "look"]
UNKNOWN = 0
HOLD_SECONDS = 60


class Entry(NamedTuple):
    """Units of a meter that a hold reserves, until a clock shows that it has expired."""

    hold: str
    meter: int
    units: int
    expires: float
    of_ghost: bool = False


class Lasting(NamedTuple):
    """When a hold was placed, and until when it lasts by now, whether it has expired or not."""

    hold: str
    placed_at: float
    expires: float


class State(NamedTuple):
    """A customer. `ghost` is what its external id has gathered, None once that is the customer's.

    `granted` are the meters on which either was ever granted anything. `placed` says which meters
    each hold reserves units of, and `lasting` for how long. `ended` has what became of holds:
    nothing where they were released, else what was captured.
    """

    balances: tuple[int, ...]
    ghost: tuple[int, ...] | None = None
    granted: frozenset[int] = frozenset()
    ghost_granted: frozenset[int] = frozenset()
    entries: frozenset[Entry] = frozenset()
    spent: frozenset[str] = frozenset()
    placed: frozenset[tuple[str, frozenset[int]]] = frozenset()
    lasting: frozenset[Lasting] = frozenset()
    ended: frozenset[tuple[str, Hashable]] = frozenset()


@dataclass(frozen=True)
class Done:
    """What a caller did between two moments, and the status that it was answered, or `UNKNOWN`.

    `id` is the external id of a spend or a hold. `content` tells what a capture counts from what
    others of its hold do, where its units do not. `held` are the units that a hold is placed with.
    `lasts_seconds` says how long it is to last, from when it was placed: placed so, or extended.
    `clocks` are the times that whoever served it may have read. `balances`, `open_units`, `decides`
    and `expires` are what the answer said, where it said so: the balance of each meter, the units
    of it that are held, and whether it decided. They must have been so where something was decided;
    a repeat only looks, and may see what others are about to do in another order.
    """

    kind: Kind
    begun: float
    ended: float
    status: int
    units: Units = ()
    id: str | None = None
    content: Hashable = None
    held: Units = ()
    lasts_seconds: float = HOLD_SECONDS
    by_external_id: bool = False
    limit: int = 0
    clocks: tuple[float, ...] = (0,)
    balances: tuple[int | None, ...] | None = None
    open_units: tuple[int | None, ...] | None = None
    decides: tuple[bool | None, ...] | None = None
    expires: float | None = None


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
    yield 200, _counted(state, done, done.units)


def _link(state: State, done: Done, clock: float) -> Outcomes:
    yield (
        200,
        state._replace(
            balances=_sum(state.balances, state.ghost or ()),
            granted=state.granted | state.ghost_granted,
            ghost=None,
        ),
    )
    if state.ghost is None:
        # Somebody else has just done it.
        yield 422, state


def _spend(state: State, done: Done, clock: float) -> Outcomes:
    deciding = _deciding(state, done, done.units)
    if done.id in state.spent:
        yield 200, state
    elif _suffice(state, done, done.units, deciding, clock):
        following = _counted(_swept(state, done, done.units, clock), done, done.units)
        if done.id is not None:
            following = following._replace(spent=state.spent | {done.id})
        if _was_seen(done, following, clock, deciding):
            yield 200, following
    else:
        yield from _refused(state, done, done.units, clock)


def _hold(state: State, done: Done, clock: float) -> Outcomes:
    assert done.id is not None
    deciding = _deciding(state, done, done.held)
    if done.id in dict(state.placed):
        yield 200, state
    elif _suffice(state, done, done.held, deciding, clock):
        following = _swept(state, done, done.held, clock)
        following = following._replace(placed=state.placed | {(done.id, deciding)})
        read = [now + done.lasts_seconds for now in done.clocks]
        for expires in read if done.expires is None else [done.expires]:
            lasting = Lasting(done.id, expires - done.lasts_seconds, expires)
            placed = _reserving(following, done, deciding, lasting)
            if _was_seen(done, placed, clock, deciding):
                yield 200, placed
    else:
        yield from _refused(state, done, done.held, clock)


def _capture(state: State, done: Done, clock: float) -> Outcomes:
    outcomes = dict(state.ended)
    deciding = dict(state.placed).get(done.id or "") or _deciding(state, done, done.units)
    if done.id in outcomes:
        yield (200 if outcomes[done.id] == _captured(done) else 409), state
    elif _suffice(state, done, done.units, deciding, clock, done.id):
        following = _counted(_ended(state, done, clock, _captured(done)), done, done.units)
        if _was_seen(done, following, clock, deciding):
            yield 200, following
    else:
        yield from _refused(state, done, done.units, clock)


def _extend(state: State, done: Done, clock: float) -> Outcomes:
    """Never shorter; what has expired competes like anybody else."""
    assert done.id is not None
    if done.id in dict(state.ended):
        yield 409, state
        return
    deciding = dict(state.placed)[done.id]
    (found,) = (one for one in state.lasting if one.hold == done.id)
    expires = found.placed_at + done.lasts_seconds
    reserved = tuple(units if meter in deciding else None for meter, units in enumerate(done.held))
    if expires <= max(found.expires, clock):
        if done.expires in (None, found.expires) and _was_seen(done, state, clock, None):
            yield 200, state
            yield 200, _swept(state, done, reserved, clock)
    elif not _suffice(state, done, reserved, deciding, clock, done.id):
        yield from _refused(state, done, reserved, clock)
    elif done.expires in (None, expires):
        following = _swept(state, done, reserved, clock)
        following = _reserving(following, done, deciding, found._replace(expires=expires))
        if _was_seen(done, following, clock, None):
            yield 200, following


def _release(state: State, done: Done, clock: float) -> Outcomes:
    outcomes = dict(state.ended)
    if done.id in outcomes:
        yield (200 if outcomes[done.id] is None else 409), state
    else:
        following = _ended(state, done, clock, None)
        if _was_seen(done, following, clock, None):
            yield 200, following


def _look(state: State, done: Done, clock: float) -> Outcomes:
    """What decided nothing in the end may still have taken out what it found expired."""
    yield 200, _swept(state, done, done.units, clock)


_DO = {
    "ingest": _ingest,
    "link": _link,
    "spend": _spend,
    "hold": _hold,
    "capture": _capture,
    "release": _release,
    "extend": _extend,
    "look": _look,
}


def _refused(state: State, done: Done, units: Units, clock: float) -> Outcomes:
    """Expired entries may be gone then, or not."""
    if _was_seen(done, state, clock, None):
        yield 402, state
        yield 402, _swept(state, done, units, clock)


def _on_ghost(state: State, done: Done) -> bool:
    """Whether it is done to what an external id has gathered that nobody has yet."""
    return done.by_external_id and state.ghost is not None


def _view(state: State, done: Done) -> tuple[tuple[int, ...], frozenset[int], frozenset[Entry]]:
    """The balances, the meters with grants and the holds of whom it is done to."""
    if state.ghost is not None and done.by_external_id:
        theirs = {entry for entry in state.entries if entry.of_ghost}
        return state.ghost, state.ghost_granted, frozenset(theirs)
    theirs = {entry for entry in state.entries if state.ghost is None or not entry.of_ghost}
    return state.balances, state.granted, frozenset(theirs)


def _deciding(state: State, done: Done, units: Units) -> frozenset[int]:
    """The meters with grants, of those that count it; all of these where none has any."""
    counting = frozenset(meter for meter, counted in enumerate(units) if counted is not None)
    return counting & _view(state, done)[1] or counting


def _counted(state: State, done: Done, units: Units) -> State:
    granted = {meter for meter, counted in enumerate(units) if (counted or 0) < 0}
    if state.ghost is not None and done.by_external_id:
        return state._replace(
            ghost=_sum(state.ghost, units), ghost_granted=state.ghost_granted | granted
        )
    return state._replace(balances=_sum(state.balances, units), granted=state.granted | granted)


def _suffice(
    state: State,
    done: Done,
    units: Units,
    deciding: frozenset[int],
    clock: float,
    hold: str | None = None,
) -> bool:
    """Whether the credits are enough; what the hold itself has is there in any case."""
    balances, _, entries = _view(state, done)
    for meter in deciding:
        wanted = units[meter] if meter < len(units) else None
        open_ = [e for e in entries if e.meter == meter and e.expires > clock]
        beyond = (wanted or 0) - sum(entry.units for entry in open_ if entry.hold == hold)
        held = sum(entry.units for entry in open_)
        if beyond > 0 and balances[meter] + held + beyond > done.limit:
            return False
    return True


def _swept(state: State, done: Done, units: Units, clock: float) -> State:
    """Without the entries that have expired, of the meters that were looked at."""
    looked_at = {meter for meter, counted in enumerate(units) if counted is not None}
    expired = {
        entry
        for entry in _view(state, done)[2]
        if entry.meter in looked_at and entry.expires <= clock
    }
    return state._replace(entries=state.entries - expired)


def _reserving(state: State, done: Done, deciding: frozenset[int], lasting: Lasting) -> State:
    """With what a hold reserves, once, until it expires."""
    entries = {
        Entry(lasting.hold, meter, units, lasting.expires, of_ghost=_on_ghost(state, done))
        for meter, units in enumerate(done.held)
        if units is not None and meter in deciding
    }
    others = (one for one in state.lasting if one.hold != lasting.hold)
    return state._replace(
        entries=frozenset(one for one in state.entries if one.hold != lasting.hold) | entries,
        lasting=frozenset(others) | {lasting},
    )


def _ended(state: State, done: Done, clock: float, outcome: Hashable) -> State:
    assert done.id is not None
    swept = _swept(_swept(state, done, done.held, clock), done, done.units, clock)
    return swept._replace(
        entries=frozenset(entry for entry in swept.entries if entry.hold != done.id),
        ended=state.ended | {(done.id, outcome)},
    )


def _captured(done: Done) -> Hashable:
    return done.units if done.content is None else done.content


def _sum(balances: tuple[int, ...], units: Units) -> tuple[int, ...]:
    added = [*units, *[None] * (len(balances) - len(units))]
    return tuple(balance + (counted or 0) for balance, counted in zip(balances, added, strict=True))


def _was_seen(done: Done, state: State, clock: float, deciding: frozenset[int] | None) -> bool:
    """Whether the answer showed this state, as far as it showed any."""
    balances, _, entries = _view(state, done)
    held = [0] * len(balances)
    for entry in entries:
        if entry.expires > clock:
            held[entry.meter] += entry.units
    shown: list[tuple[Sequence[object] | None, Sequence[object]]] = [
        (done.balances, balances),
        (done.open_units, held),
    ]
    if deciding is not None:
        shown.append((done.decides, [meter in deciding for meter in range(len(balances))]))
    return all(
        seen is None or all(one in (None, there) for one, there in zip(seen, were, strict=True))
        for seen, were in shown
    )


def shown(reply: Reply, meter_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """The balances and held units that an answer says, and of which meters; and which decided."""
    standings = [reply.body] if reply.status == 402 else reply.body.get("meters", ())
    return {
        name: tuple(map({one["meter_id"]: one.get(field) for one in standings}.get, meter_ids))
        for name, field in (
            ("balances", "balance"),
            ("open_units", "held_units"),
            ("decides", "decides"),
        )
    }
