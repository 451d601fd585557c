"""The rules of the protocol for lots, each taken away: histories, or a scripted test, must find it.

``docs/decisions/0015`` says why each is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

from msgspec import structs

from aureon.core import times
from aureon.credits import grants
from aureon.credits.account import Account
from aureon.customers import balances, profiles
from aureon.domain import lots, meters
from aureon.domain.credits import Holds
from aureon.domain.customers import Ledger
from aureon.domain.lots import Lots
from aureon.ledger import counters, ingestion, reckoning
from aureon.ledger.committer import Committer
from aureon.ledger.reckoning import LotSnapshot
from aureon.projection import backfill
from aureon.storage.expressions import present
from aureon.storage.store import update

_WRITES: Final = LotSnapshot.writes
_COUNTED: Final = counters.counted
_TELL: Final = LotSnapshot._tell_customer


def _instead(owner: Any, name: str, what: Any) -> Callable[[], AbstractContextManager[Any]]:
    return lambda: patch.object(owner, name, what)


def _unconditional(*arguments: Any, rev: int | None = None, **more: Any) -> Any:
    return _COUNTED(*arguments, **more)


def _over_links(found: LotSnapshot, next_: Mapping[str, str], *, at_boundary: bool) -> Any:
    write = _TELL(found, next_, at_boundary=at_boundary)
    return update(write.key, {"next": next_}, condition=present())


def _of_one_shard(found: LotSnapshot, after: Lots, delta: Any, *, at_boundary: bool = False) -> Any:
    return _WRITES(found, after, delta)


def _without_spread_marks(
    found: LotSnapshot, after: Lots, delta: Any, *, at_boundary: bool = False
) -> Any:
    with patch.object(reckoning, "_SPREAD", {True: present(), False: present()}):
        return _WRITES(found, after, delta, at_boundary=at_boundary)


def _without_pointer(found: LotSnapshot, after: Lots, delta: Any, **more: Any) -> Any:
    writes = _WRITES(found, after, delta, **more)
    external_id = found.customer.external_id
    if external_id is None:
        return writes
    key = found.store.keys.external(external_id)
    return [write for write in writes if write.key != key]


def _told_the_sweep_alone(found: LotSnapshot, after: Lots, delta: Any, **more: Any) -> Any:
    return [
        write
        for write in _WRITES(found, after, delta, **more)
        if write.update is None or "next" not in write.update.assigned
    ]


@contextmanager
def _any_life() -> Iterator[None]:
    with (
        patch.object(grants, "SHORTEST_LIFE", timedelta(seconds=-1)),
        patch.object(lots, "SHORTEST_LIFE", timedelta(seconds=-1)),
    ):
        yield


def _by_pointer(store: Any, ledger_id: str) -> Any:
    return ledger_id, {"created_at": "", "deleted_at": None, "next": {}}


def _unpaid(found: Lots, lot: Any, total: Any) -> Lots:
    return structs.replace(found, open=(*found.open, lot))


def _for_ever(lot: Any, at: Any, others: Any, holds: Any) -> Any:
    return _PASS(replace(lot, held=False), at, others, holds)


_PASS: Final = lots._pass


def _matched_by_filters(set_: Any, terms: Any) -> Any:
    return [
        meters.Match(meter.id, meter.generation, "sum", terms.units, expired=terms.units > 0)
        for meter in set_._counting.values()
    ]


def _query(store: Any, found: Any, stored: Any, now: Any, *, shown: bool) -> Any:
    item = stored.get(store.keys.lots(found.customer.id, found.meter.id, found.meter.generation).sk)
    open_ = Lots.from_item(item).burned(found.balance.used)
    passed = lots.pass_boundaries(open_, found.balance.sum, now, {})
    return found._replace(balance=replace(found.balance, sum=passed.total))


def _keyed_by_lot(lot_id: str, at: Any) -> Any:
    return _PAGE(lot_id, times.from_text("2026-01-01T00:00:00Z"))


_PAGE: Final = lots.boundary_page


def _given_back(found: Iterable[Any], units: Decimal) -> list[Any]:
    left = []
    for lot in sorted(found, key=lambda lot: lot.order):
        taken = min(units, lot.remaining)
        units -= taken
        left.append(replace(lot, remaining=lot.remaining - taken))
    return left


def _of_all_shards(found: LotSnapshot, after: Lots, delta: Any, **_: Any) -> Any:
    return _WRITES(found, after, delta, at_boundary=True)


def _once() -> AbstractContextManager[Any]:
    """Boundaries are passed before the first transaction of a batch alone."""
    begun: list[Committer] = []
    pass_boundaries = Committer._pass_boundaries

    def first(committer: Committer) -> None:
        if not any(one is committer for one in begun):
            begun.append(committer)
            pass_boundaries(committer)

    return patch.object(Committer, "_pass_boundaries", first)


def _own_holds(found: LotSnapshot) -> Any:
    key = found.store.keys.holds(found.customer.id, found.meter_id)
    return Holds.from_item(found.items.get(key))


def _nothing_next(id_: str, meter_version: int) -> Ledger:
    return Ledger(id_, meter_version, next={})


RULES: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "a fold burns": _instead(Lots, "burned", lambda found, used: found),
    "a repair burns nothing": _instead(lots, "burn", _given_back),
    "a new lot repays debt": _instead(Lots, "with_lot", _unpaid),
    "a change is a decision": _instead(counters, "counted", _unconditional),
    "a change is none over a link": _instead(LotSnapshot, "_tell_customer", _over_links),
    "a grant looks at first shards alone": _instead(LotSnapshot, "writes", _of_all_shards),
    "a boundary looks at all shards": _instead(LotSnapshot, "writes", _of_one_shard),
    "a boundary looks at marks of spreading": _instead(
        LotSnapshot, "writes", _without_spread_marks
    ),
    "a lot may lapse in two parts": _instead(reckoning, "boundary_page", _keyed_by_lot),
    "so many boundaries a transaction": _instead(reckoning, "MAX_PASSED", 1_000),
    "a recurrence ends where a balance would": _instead(lots, "LIMIT", Decimal("Infinity")),
    "pages of terms are for one meter": _instead(meters.MeterSet, "_of_terms", _matched_by_filters),
    "decisions look when lots expire": _instead(Account, "_due", lambda *_: []),
    "who looks folds a snapshot": _instead(balances, "_with_lots", _query),
    "writers look when lots expire": _instead(reckoning, "pass_due", lambda *_: {}),
    "writers look before each transaction": _once,
    "a backfill looks when lots expire": _instead(backfill, "Ledger", _nothing_next),
    "a repeat reads the ledger's item": _instead(ingestion, "Ledger", _nothing_next),
    "a writer reads the customer's item": _instead(reckoning, "_owner", _by_pointer),
    "the pointer has a copy": _instead(LotSnapshot, "writes", _without_pointer),
    "the customer's item says what is next": _instead(LotSnapshot, "writes", _told_the_sweep_alone),
    "a lot lives so long": _any_life,
    "a link copies what is next": _instead(
        profiles, "_next_to_copy", lambda store, customer, next_, *, ghost: next_
    ),
    "a link waits for who counts": _instead(profiles, "SHORTEST_LIFE", timedelta()),
    "a linked ghost's holds keep a lot": _instead(LotSnapshot, "holds", property(_own_holds)),
    "holds keep a lot once": _instead(lots, "_pass", _for_ever),
    "holds keep a lot": _instead(lots, "_kept", lambda *_: None),
}
# What some hundred histories find; the others take luck that comes to one of thousands.
FOUND: Final = (
    "a fold burns",
    "a change is a decision",
    "a boundary looks at all shards",
    "a lot may lapse in two parts",
    "pages of terms are for one meter",
    "decisions look when lots expire",
    "writers look when lots expire",
    "a writer reads the customer's item",
    "the pointer has a copy",
    "the customer's item says what is next",
    "a link copies what is next",
    "a lot lives so long",
)
