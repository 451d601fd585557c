"""Packing: what fits in one transaction, what counts, and what is decided when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aureon.domain.balances import Delta
from aureon.domain.customers import Ledger, Pointer
from aureon.domain.events import CustomerRef, Event, EventLocation
from aureon.domain.meters import Match
from aureon.domain.pages import MAX_TEXT_BYTES, LoggedEvent, Page
from aureon.ledger.plan import (
    MAX_PLAN_TEXT_BYTES,
    BalanceId,
    Claim,
    Group,
    TransactionPlan,
    group_events,
    pack_transaction,
)
from aureon.storage.keys import PageKey

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CUSTOMER = CustomerRef(False, "customer")
OTHER = CustomerRef(False, "other")
UNLIMITED = 10_000

Matched = tuple[Event, list[Match]]


def event(
    units: int = 1,
    id: str | None = None,
    *,
    customer: CustomerRef = CUSTOMER,
    at: datetime = NOON,
    meters: int = 1,
    **metadata: Any,
) -> Matched:
    sent = Event(0, customer, "api_usage", at, {"units": units, **metadata}, external_id=id)
    return sent, [Match(f"m{number}", 1, "sum", Decimal(units)) for number in range(meters)]


def groups_of(*events: Matched, pointers: dict[CustomerRef, Pointer] | None = None) -> list[Group]:
    ledgers = {sent.customer: Ledger(f"ledger of {sent.customer.id}", 1) for sent, _ in events} | {
        name: Ledger(pointer.ledger_id, 1, pointer=pointer)
        for name, pointer in (pointers or {}).items()
    }
    placed = [
        (replace(sent, position=place), matches) for place, (sent, matches) in enumerate(events)
    ]
    return group_events("r-1", placed, ledgers)


def taken(plan: TransactionPlan) -> list[int]:
    """How many events each run counts."""
    return [len(run.entries) for run in plan.runs]


def actions(plan: TransactionPlan) -> int:
    pages = sum(bool(run.entries) for run in plan.runs)
    return pages + len(plan.claims) + len(plan.deltas) + len(plan.pointers)


def outcomes(group: Group) -> list[bool | None]:
    return [entry.inserted for entry in group.entries]


def claims_of(plan: TransactionPlan) -> dict[str, Claim]:
    return {
        external_id: Claim(group.place(entry), entry.fingerprint)
        for external_id, (group, entry) in plan.claims.items()
    }


# Groups.


def test_events_of_one_customer_and_hour_form_a_group_in_the_order_sent() -> None:
    (group,) = groups_of(event(1), event(2, at=NOON + timedelta(minutes=59)), event(3))

    assert [entry.event.metadata["units"] for entry in group.entries] == [1, 2, 3]
    assert [entry.offset for entry in group.entries] == [0, 1, 2]
    assert group.next_page == PageKey("2026-11-24T12", "r-1", 0, 0)


def test_another_hour_or_customer_is_another_group_numbered_in_the_order_sent() -> None:
    by_external_id = CustomerRef(True, CUSTOMER.id)

    groups = groups_of(
        event(), event(at=NOON + HOUR), event(customer=by_external_id), event(), event(at=NOON)
    )

    assert [(group.number, group.customer, group.hour[-2:]) for group in groups] == [
        (0, CUSTOMER, "12"),
        (1, CUSTOMER, "13"),
        (2, by_external_id, "12"),
    ]
    assert [len(group.entries) for group in groups] == [3, 1, 1]


# Packing.


def test_runs_of_many_groups_share_a_transaction_and_a_balance_is_changed_once() -> None:
    groups = groups_of(event(2), event(-3), event(5, at=NOON + HOUR), event(7, customer=OTHER))

    plan = pack_transaction(groups, {}, max_actions=100)

    assert plan.complete
    assert taken(plan) == [2, 1, 1]
    assert {about.ledger_id: delta.sum for about, delta in plan.deltas.items()} == {
        "ledger of customer": 4,
        "ledger of other": 7,
    }


def test_a_delta_keeps_apart_what_was_used_and_what_was_granted() -> None:
    plan = pack_transaction(
        groups_of(event(2), event(-10), event(0), event(3)), {}, max_actions=100
    )

    (delta,) = plan.deltas.values()

    assert delta == Delta(sum=Decimal(-5), used=Decimal(5), granted=Decimal(10), count=4)


def test_page_balance_and_claims_fill_a_transaction_to_the_last_action() -> None:
    events = [event(id=f"e{number}") for number in range(98)]

    exactly = pack_transaction(groups_of(*events), {}, max_actions=100)
    one_more = pack_transaction(groups_of(*events, event(id="e98")), {}, max_actions=100)

    assert exactly.complete
    assert actions(exactly) == 100
    assert not one_more.complete
    assert taken(one_more) == [98]


def test_every_meter_that_is_new_to_the_transaction_takes_an_action() -> None:
    groups = groups_of(event(meters=3), event(meters=3), event(meters=4))

    assert taken(pack_transaction(groups, {}, max_actions=4)) == [2]
    assert taken(pack_transaction(groups, {}, max_actions=5)) == [3]


def test_a_group_that_does_not_fit_leaves_room_for_one_that_does() -> None:
    groups = groups_of(event(meters=5), event(customer=OTHER, meters=1))

    plan = pack_transaction(groups, {}, max_actions=3)

    assert [run.group for run in plan.runs] == [groups[1]]
    assert not plan.complete


def test_events_without_ids_are_as_many_as_a_page_holds_bytes() -> None:
    events = [event(text="x" * (MAX_TEXT_BYTES // 4)) for _ in range(4)]
    (group,) = groups_of(*events)

    plan = pack_transaction([group], {}, max_actions=100)

    assert taken(plan) == [3]
    assert not plan.complete


def test_pages_together_are_as_many_as_a_transaction_holds_bytes() -> None:
    size = MAX_TEXT_BYTES * 3 // 4
    groups = groups_of(*(event(at=NOON + number * HOUR, text="x" * size) for number in range(20)))

    plan = pack_transaction(groups, {}, max_actions=100)

    written = sum(len(entry.text) for run in plan.runs for entry in run.entries)
    assert MAX_PLAN_TEXT_BYTES - size < written <= MAX_PLAN_TEXT_BYTES
    assert not plan.complete


# Runs.


def test_the_next_run_starts_where_the_page_ended() -> None:
    (group,) = groups_of(*(event(id=f"e{number}") for number in range(10)))

    first = pack_transaction([group], {}, max_actions=6)
    first.mark_committed()
    second = pack_transaction([group], claims_of(first), max_actions=100)

    assert taken(first) == [4]
    assert group.next_page.first == 4
    assert [entry.offset for entry in second.runs[0].entries] == [4, 5, 6, 7, 8, 9]


def test_nothing_is_decided_before_its_transaction_is_committed() -> None:
    (group,) = groups_of(event(), event(id="e1"), event(id="e1"))

    plan = pack_transaction([group], {}, max_actions=100)

    assert outcomes(group) == [None, None, None]
    assert group.decided == 0
    plan.mark_committed()
    assert outcomes(group) == [True, True, False]
    assert not group.pending


def test_a_group_that_is_decided_is_not_packed_again() -> None:
    groups = groups_of(event())
    pack_transaction(groups, {}, max_actions=100).mark_committed()

    again = pack_transaction(groups, {}, max_actions=100)

    assert again.empty
    assert again.complete
    assert not again.runs


def counted_elsewhere(group: Group, offset: int) -> Claim:
    """The claim of another batch on an entry's id."""
    entry = group.entries[offset]
    place = EventLocation("another ledger", PageKey(group.hour, "r-0", 0, 0), 0)
    return Claim(place, entry.fingerprint)


def test_a_run_without_events_settles_at_the_end_of_its_group() -> None:
    (group,) = groups_of(event(id="e1"), event(id="e2"))
    claims = {"e1": counted_elsewhere(group, 0), "e2": counted_elsewhere(group, 1)}

    plan = pack_transaction([group], claims, max_actions=100)
    plan.mark_committed()

    assert plan.empty
    assert actions(plan) == 0
    assert not group.pending
    assert outcomes(group) == [False, False]


def test_a_run_without_events_that_ends_short_settles_nothing() -> None:
    (group,) = groups_of(event(id="e1"), event(id="e2"))

    plan = pack_transaction([group], {"e1": counted_elsewhere(group, 0)}, max_actions=2)
    plan.mark_committed()

    assert plan.empty
    assert not plan.complete
    assert group.decided == 0


def test_duplicates_at_the_end_of_a_run_belong_to_it() -> None:
    (group,) = groups_of(event(), event(id="e1"))

    plan = pack_transaction([group], {"e1": counted_elsewhere(group, 1)}, max_actions=100)

    assert [(run.last, len(run.entries)) for run in plan.runs] == [(1, 1)]


def test_a_page_settles_the_run_that_it_proves_and_nothing_more() -> None:
    (group,) = groups_of(event(), event(id="e1"), event(), event())
    logged = tuple(
        LoggedEvent(offset, "2026-11-24T12:00:00Z", "api_usage", {}, None) for offset in (0, 2)
    )

    group.resume_from_page(Page(group.next_page, 2, 1, None, logged))

    assert outcomes(group) == [True, False, True, None]
    assert group.next_page.first == 3
    assert group.pending


# Ids.


def test_an_id_that_stands_twice_in_a_fold_counts_once() -> None:
    (group,) = groups_of(event(3, id="e1"), event(3, id="e1"))

    plan = pack_transaction([group], {}, max_actions=100)
    plan.mark_committed()

    assert taken(plan) == [1]
    assert [delta.sum for delta in plan.deltas.values()] == [3]
    assert outcomes(group) == [True, False]
    assert not any(entry.conflict for entry in group.entries)


def test_an_id_that_stands_twice_with_other_content_is_a_conflict_of_the_second() -> None:
    groups = groups_of(event(3, id="e1"), event(4, id="e1", at=NOON + HOUR))

    pack_transaction(groups, {}, max_actions=100).mark_committed()

    assert [(entry.inserted, entry.conflict) for group in groups for entry in group.entries] == [
        (True, False),
        (False, True),
    ]


def test_of_an_id_the_first_event_sent_counts_though_its_group_comes_later() -> None:
    groups = groups_of(event(), event(3, id="e1", customer=OTHER), event(4, id="e1"))

    plan = pack_transaction(groups, {}, max_actions=100)
    plan.mark_committed()

    assert plan.complete
    assert [outcomes(group) for group in groups] == [[True, False], [True]]
    assert groups[0].entries[1].conflict


def test_a_repeat_waits_where_the_first_event_sent_does_not_fit() -> None:
    groups = groups_of(event(), event(3, id="e1", customer=OTHER), event(4, id="e1"))

    # A page and a balance for each group, and a claim.
    first = pack_transaction(groups, {}, max_actions=4)
    first.mark_committed()
    assert [outcomes(group) for group in groups] == [[True, None], [None]]

    second = pack_transaction(groups, claims_of(first), max_actions=4)
    second.mark_committed()
    assert second.complete
    assert [outcomes(group) for group in groups] == [[True, False], [True]]


def test_a_claim_of_the_events_own_place_means_that_it_has_counted() -> None:
    (group,) = groups_of(event(), event(id="e1"))
    own = EventLocation(group.ledger.id, group.next_page._replace(first=1), 1)

    plan = pack_transaction([group], {"e1": Claim(own, b"any fingerprint")}, max_actions=100)

    assert taken(plan) == [1]
    assert [entry.inserted for entry in group.entries] == [None, True]
    assert not group.entries[1].conflict


@pytest.mark.parametrize("faithful", [True, False])
def test_a_claim_of_another_place_means_a_duplicate(faithful: bool) -> None:
    (group,) = groups_of(event(id="e1"))
    claim = counted_elsewhere(group, 0)
    if not faithful:
        claim = claim._replace(fingerprint=b"another")

    plan = pack_transaction([group], {"e1": claim}, max_actions=100)

    assert plan.empty
    assert outcomes(group) == [False]
    assert group.entries[0].conflict is not faithful


# Pointers.


GHOST_NAME = CustomerRef(True, "user_123")
GHOST = Pointer("ghost", "ghost", "ghost", 1)


def test_a_pointer_is_put_once_however_many_groups_its_name_has() -> None:
    groups = groups_of(
        event(customer=GHOST_NAME),
        event(customer=GHOST_NAME, at=NOON + HOUR),
        pointers={GHOST_NAME: GHOST},
    )

    # Two pages, a pointer, a balance.
    plan = pack_transaction(groups, {}, max_actions=4)

    assert plan.complete
    assert plan.pointers == {GHOST_NAME: GHOST}
    assert actions(plan) == 4


def test_a_pointer_needs_room_beside_the_first_event_of_its_name() -> None:
    groups = groups_of(event(customer=GHOST_NAME), pointers={GHOST_NAME: GHOST})

    assert not pack_transaction(groups, {}, max_actions=2).runs
    assert taken(pack_transaction(groups, {}, max_actions=3)) == [1]


def test_a_name_whose_events_are_all_duplicates_gets_no_pointer() -> None:
    groups = groups_of(event(id="e1", customer=GHOST_NAME), pointers={GHOST_NAME: GHOST})

    plan = pack_transaction(groups, {"e1": counted_elsewhere(groups[0], 0)}, max_actions=100)

    assert plan.pointers == {}


# Everything together.


sent = st.lists(
    st.builds(
        event,
        units=st.integers(-5, 5),
        id=st.none() | st.sampled_from(["a", "b", "c", "d"]),
        customer=st.sampled_from([CUSTOMER, OTHER, GHOST_NAME]),
        at=st.sampled_from([NOON, NOON + HOUR]),
        meters=st.integers(0, 3),
    ),
    max_size=20,
)


@given(sent, st.integers(6, 12), st.sampled_from([None, GHOST]))
def test_plan_by_plan_every_event_counts_once_within_the_limits(
    events: list[Matched], max_actions: int, ghost: Pointer | None
) -> None:
    groups = groups_of(*events, pointers={GHOST_NAME: ghost} if ghost else None)
    claims: dict[str, Claim] = {}
    sums: dict[BalanceId, Decimal] = {}
    pages: list[tuple[str, PageKey]] = []

    # Each plan decides at least one event.
    for _ in events:
        plan = pack_transaction(groups, claims, max_actions=max_actions)
        assert actions(plan) <= max_actions
        assert not plan.empty or plan.complete
        pages += [(run.group.ledger.id, run.group.next_page) for run in plan.runs if run.entries]
        claims |= claims_of(plan)
        for about, delta in plan.deltas.items():
            sums[about] = sums.get(about, Decimal(0)) + delta.sum
        plan.mark_committed()

    assert not any(group.pending for group in groups)
    entries = [entry for group in groups for entry in group.entries]
    counted = [entry for entry in entries if entry.inserted]
    ids = [sent.external_id for sent, _ in events]
    assert len(pages) == len(set(pages))
    assert {entry.event.position for entry in counted} == {
        place for place, id in enumerate(ids) if id is None or ids.index(id) == place
    }
    assert sum(sums.values()) == sum(match.units for entry in counted for match in entry.matches)
