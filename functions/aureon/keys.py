"""The keys of the one table, built and read here and nowhere else.

Every key of an organization's data starts with the organization's id. Variable parts that a
caller chooses are escaped, so that no separator can be smuggled in; parts of different origin
(a caller's key, a message's id, our own UUID) carry different prefixes, so that none can pass
for another.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PARTITION: Final = "pk"
SORT: Final = "sk"

# The index that lists customers and ghosts: keys only, written once, at creation.
DIRECTORY: Final = "directory"
DIRECTORY_PARTITION: Final = "directory_pk"
DIRECTORY_SORT: Final = "directory_sk"
# A partition takes 1,000 write units a second; the suffix keeps the index from throttling the
# table when many customers are created at once.
DIRECTORY_SLICES: Final = 8
# What everyone's events add to is kept in so many items each, and added up by who reads it.
PROJECTION_SLICES: Final = 4

SEPARATOR: Final = "#"

CUSTOMER_SORT: Final = "CUSTOMER"
BALANCE_PREFIX: Final = "METER#"
METER_PREFIX: Final = "METER#"
HOLDS_PREFIX: Final = "HOLDS#"
# A ledger's pages begin with a year; whatever else stands in its log sorts after this.
PAGES_END: Final = ":"
# A position at a page's end; it sorts after those of the page's events.
PAGE_END: Final = "~"
REPAIR_PREFIX: Final = "REPAIR#"
# Sorts after every card of its slice, which begin with a year: reading from the newest meets it
# first.
CARDS_COUNT: Final = "COUNT"
VERSION_SORT: Final = "VERSION"
TOKEN_PREFIX: Final = "TOKEN#"  # noqa: S105


class Key(NamedTuple):
    """A primary key: partition and sort key."""

    pk: str
    sk: str


class BalanceKey(NamedTuple):
    """What the sort key of a balance item says."""

    meter_id: str
    generation: int
    shard: int


class PageKey(NamedTuple):
    """What the sort key of a page says: its place in the ledger's log."""

    hour: str
    batch: str
    group: int
    first: int


def escape(part: str) -> str:
    """Make a caller's string safe as a part of a key: reversible, and free of separators."""
    return part.replace("%", "%25").replace(SEPARATOR, "%23")


def unescape(part: str) -> str:
    return part.replace("%23", SEPARATOR).replace("%25", "%")


def organization(organization_id: str) -> Key:
    return Key(f"{organization_id}#ORGANIZATION", "ORGANIZATION")


def organizations() -> str:
    """The partition of the directory that lists the organizations."""
    return "ORGANIZATIONS"


def token(sha256: str) -> Key:
    """A token is found by its hash alone: the organization is what it tells."""
    return Key(f"TOKEN#{sha256}", "TOKEN")


def token_record(organization_id: str, token_id: str) -> Key:
    return Key(f"{organization_id}#TOKENS", f"{TOKEN_PREFIX}{escape(token_id)}")


def customer(organization_id: str, customer_id: str) -> Key:
    """A customer's item; the balances of the ledger of the same id share its partition."""
    return Key(f"{organization_id}#CUSTOMER#{escape(customer_id)}", CUSTOMER_SORT)


def balance(
    organization_id: str, ledger_id: str, meter_id: str, generation: int, shard: int
) -> Key:
    """A shard of a balance, from 0."""
    return Key(
        customer(organization_id, ledger_id).pk,
        f"{BALANCE_PREFIX}{meter_id}#{generation}#{shard}",
    )


def unique(
    organization_id: str, ledger_id: str, meter_id: str, generation: int, value: bytes
) -> Key:
    """That a value has counted for a meter: by its hash."""
    return Key(unique_values(organization_id, ledger_id, meter_id, generation), value.hex())


def unique_values(organization_id: str, ledger_id: str, meter_id: str, generation: int) -> str:
    """The partition that holds all values that have counted for a meter and a ledger."""
    return f"{organization_id}#UNIQUE#{ledger_id}#{meter_id}#{generation}"


def parse_balance(sort_key: str) -> BalanceKey:
    """What `balance` made a sort key of. Raises ValueError for any other."""
    _, meter_id, generation, shard = sort_key.split(SEPARATOR)
    return BalanceKey(meter_id, int(generation), int(shard))


def email(organization_id: str, address: str) -> Key:
    """The pointer that keeps an e-mail address unique, whatever its case."""
    return Key(f"{organization_id}#EMAIL#{escape(address.casefold())}", "POINTER")


def external(organization_id: str, external_id: str) -> Key:
    """The pointer from a customer's external id to a customer and a ledger."""
    return Key(f"{organization_id}#EXTERNAL#{escape(external_id)}", "POINTER")


def meters(organization_id: str) -> str:
    """The partition that holds an organization's meters and their version."""
    return f"{organization_id}#METERS"


def meter(organization_id: str, meter_id: str) -> Key:
    return Key(meters(organization_id), f"{METER_PREFIX}{escape(meter_id)}")


def meter_version(organization_id: str) -> Key:
    """The number that every change of what is counted raises."""
    return Key(meters(organization_id), VERSION_SORT)


def backfill(organization_id: str, meter_id: str, generation: int) -> Key:
    """How far the backfill of a meter has come."""
    return Key(f"{organization_id}#BACKFILL", f"{meter_id}#{generation}")


def log(organization_id: str, ledger_id: str) -> str:
    """The partition that holds a ledger's pages, in the order of the events' hours.

    They sort before `PAGES_END`, and the traces of repairs after it.
    """
    return f"{organization_id}#LOG#{ledger_id}"


def parse_log(partition: str) -> tuple[str, str]:
    """The organization and the ledger whose log a partition holds."""
    organization_id, _, ledger_id = partition.partition("#LOG#")
    return organization_id, ledger_id


def page(organization_id: str, ledger_id: str, place: PageKey) -> Key:
    return Key(log(organization_id, ledger_id), page_sort(place))


def page_sort(place: PageKey) -> str:
    """A page's sort key: pages sort by hour, batch, group and first event."""
    return f"{place.hour}#{escape(place.batch)}#{place.group:06}#{place.first:06}"


def parse_page(sort_key: str) -> PageKey:
    """What `page_sort` made a sort key of. Raises ValueError for any other."""
    hour, batch, group, first = sort_key.split(SEPARATOR)
    return PageKey(hour, unescape(batch), int(group), int(first))


def position(page_sort: str, event: int | None = None) -> str:
    """How far a ledger's log was read: up to this event of a page, from 0, or to the page's end.

    Positions sort like what was read; `PAGES_END` is beyond all of them.
    """
    return f"{page_sort}{PAGE_END}" if event is None else f"{page_sort}{SEPARATOR}{event:06}"


def parse_position(position: str) -> tuple[str, int | None]:
    """The page and the event of a position; no event where it is the page's end."""
    if position.endswith(PAGE_END):
        return position.removesuffix(PAGE_END), None
    page, _, event = position.rpartition(SEPARATOR)
    return page, int(event)


def beyond(prefix: str) -> str:
    """What sorts after all that begins with an hour or a day, before what begins with the next."""
    return f"{prefix}~"


def repair(organization_id: str, ledger_id: str, repaired_at: str, repair_id: str) -> Key:
    """The trace of a correction in a ledger's log, apart from its pages."""
    return Key(log(organization_id, ledger_id), f"{REPAIR_PREFIX}{repaired_at}#{repair_id}")


def claims(organization_id: str) -> str:
    """What the partitions of an organization's claims begin with."""
    return f"{organization_id}#EVENT#"


def claim(organization_id: str, external_id: str) -> Key:
    """The claim that lets an event's external id count once."""
    return Key(f"{claims(organization_id)}{escape(external_id)}", "CLAIM")


def parse_claim(partition: str) -> str:
    """The external id whose claim a partition holds."""
    return unescape(partition.rpartition(SEPARATOR)[2])


def request(organization_id: str, key_sha256: str) -> Key:
    """What is remembered of a request that came with an ``Idempotency-Key``."""
    return Key(f"{organization_id}#REQUEST#{key_sha256}", "REQUEST")


def holds(organization_id: str, customer_id: str, meter_id: str) -> Key:
    """The open holds of a customer and meter: beside the balances, so that one query reads both."""
    return Key(customer(organization_id, customer_id).pk, f"{HOLDS_PREFIX}{meter_id}")


def hold(organization_id: str, hold_id: str) -> Key:
    return Key(f"{organization_id}#HOLD#{escape(hold_id)}", "HOLD")


def hold_outcome(organization_id: str, hold_id: str) -> Key:
    """What became of a hold: put once, by its capture or its release."""
    return Key(hold(organization_id, hold_id).pk, "OUTCOME")


def batch(organization_id: str, batch_id: str) -> Key:
    """What is remembered of a batch that its sender named, and may send again in a new message."""
    return Key(f"{organization_id}#BATCH#{escape(batch_id)}", "BATCH")


def cards(organization_id: str, slice_: int) -> str:
    """The partition that holds the cards of a slice of the customers, in the order of creation."""
    return f"{organization_id}#CARDS#{slice_}"


def card(organization_id: str, created_at: str, customer_id: str) -> Key:
    """What the list of customers knows of a customer."""
    slice_ = directory_slice(customer_id)
    return Key(cards(organization_id, slice_), f"{created_at}#{customer_id}")


def parse_card(sort_key: str) -> tuple[str, str]:
    """When the customer of a card was created, and its id."""
    created_at, customer_id = sort_key.split(SEPARATOR)
    return created_at, customer_id


def cards_count(organization_id: str, customer_id: str) -> Key:
    """How many cards there are in the slice that a customer's card is in."""
    return Key(cards(organization_id, directory_slice(customer_id)), CARDS_COUNT)


def customer_directory(organization_id: str, slice_: int) -> str:
    """The index's partition that lists a slice of the customers."""
    return f"{organization_id}#CUSTOMERS#{slice_}"


def ghost_directory(organization_id: str, slice_: int) -> str:
    """The same of the ledgers of external ids that no customer has."""
    return f"{organization_id}#GHOSTS#{slice_}"


def lists_ghosts(directory_partition: str) -> bool:
    return directory_partition.split(SEPARATOR)[1] == "GHOSTS"


def holder_directory(organization_id: str, meter_id: str, slice_: int) -> str:
    """The balances of a meter, by ledger."""
    return f"{organization_id}#HOLDERS#{meter_id}#{slice_}"


def directory_slice(uuid: str) -> int:
    """The slice of the directory that a customer's id falls in: from its random last digits."""
    return int(uuid[-4:], 16) % DIRECTORY_SLICES


def listed_id(directory_sort: str) -> str:
    """The id that an entry of the directory lists: a customer's, or a ghost's ledger's."""
    return directory_sort.rpartition(SEPARATOR)[2]


# What is projected from the log for looking at it: all of it carries an epoch, so that a rebuild
# makes the next one beside the one that is read.


def projection(organization_id: str) -> Key:
    """Which epoch of what is projected is read, and which is being built."""
    return Key(f"{organization_id}#PROJECTION", "PROJECTION")


def rebuild(organization_id: str) -> Key:
    """How far a rebuild of what is projected has come."""
    return Key(projection(organization_id).pk, "REBUILD")


def projection_slice(uuid: str) -> int:
    """The slice of the timeline that a ledger's pages fall in: from its random last digits."""
    return int(uuid[-4:], 16) % PROJECTION_SLICES


def timeline(organization_id: str, epoch: int, slice_: int) -> str:
    """The partition that lists the pages of a slice of the ledgers, by their latest event."""
    return f"{organization_id}#TIMELINE#{epoch}#{slice_}"


def timeline_entry(
    organization_id: str, epoch: int, latest: str, ledger_id: str, place: PageKey
) -> Key:
    partition = timeline(organization_id, epoch, projection_slice(ledger_id))
    return Key(partition, f"{latest}#{ledger_id}#{page_sort(place)}")


def parse_timeline_entry(sort_key: str) -> tuple[str, str, PageKey]:
    """The time of the page's latest event, its ledger, and its place there."""
    latest, ledger_id, page = sort_key.split(SEPARATOR, 2)
    return latest, ledger_id, parse_page(page)


def projected_part(
    organization_id: str, epoch: int, ledger_id: str, place: PageKey, part: int
) -> Key:
    """That a further part of a page that takes several transactions was projected."""
    return Key(projected_parts(organization_id, epoch, ledger_id), f"{page_sort(place)}#{part:04}")


def projected_parts(organization_id: str, epoch: int, ledger_id: str) -> str:
    return f"{organization_id}#PARTS#{epoch}#{ledger_id}"


def projected_past(
    organization_id: str, epoch: int, ledger_id: str, meter_id: str, generation: int
) -> Key:
    """How far a meter's past in a ledger's log was projected."""
    return Key(
        projected_pasts(organization_id, epoch, ledger_id), f"{escape(meter_id)}#{generation}"
    )


def projected_pasts(organization_id: str, epoch: int, ledger_id: str) -> str:
    return f"{organization_id}#PASTS#{epoch}#{ledger_id}"


# A scope is a ledger, by its id, or the organization, in slices: each a number.


def names(organization_id: str, epoch: int, scope: str) -> str:
    """The partition that holds the names of a scope's events."""
    return f"{organization_id}#NAMES#{epoch}#{scope}"


def name(organization_id: str, epoch: int, scope: str, source: str, event_name: str) -> Key:
    return Key(names(organization_id, epoch, scope), f"{source}#{event_name}")


def parse_name(sort_key: str) -> tuple[str, str]:
    """An event's source, which is never the caller's word, and its name."""
    source, _, event_name = sort_key.partition(SEPARATOR)
    return source, event_name


def quantities(organization_id: str, epoch: int, scope: str, meter_id: str, generation: int) -> str:
    """The partition that holds a meter's quantities in a scope, an item for each day in UTC."""
    return f"{organization_id}#QUANTITY#{epoch}#{scope}#{escape(meter_id)}#{generation}"


def distinct_values(
    organization_id: str, epoch: int, scope: str, meter_id: str, generation: int
) -> str:
    """The partition that holds the values of a ``unique`` meter, by quarter of an hour."""
    return f"{organization_id}#VALUES#{epoch}#{scope}#{escape(meter_id)}#{generation}"


def distinct_value(quarter: str, value: bytes) -> str:
    return f"{quarter}#{value.hex()}"


def parse_distinct_value(sort_key: str) -> tuple[str, str]:
    """A quarter of an hour, ``2026-11-24T01:15``, and the hash of a value."""
    quarter, _, value = sort_key.partition(SEPARATOR)
    return quarter, value
