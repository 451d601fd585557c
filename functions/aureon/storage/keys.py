"""The keys of the one table, built and read here and nowhere else.

Every key of an organization's data starts with the organization's id. Variable parts that a
caller chooses are escaped, so that no separator can be smuggled in; parts of different origin
(a caller's key, a message's id, our own UUID) carry different prefixes, so that none can pass
for another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from zlib import crc32

from msgspec import Struct

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
LOTS_PREFIX: Final = "GRANTS#"
THRESHOLDS_PREFIX: Final = "THRESHOLDS#"
# A ledger's pages begin with a year; whatever else stands in its log sorts after this.
PAGES_END: Final = ":"
# A position at a page's end; it sorts after those of the page's events.
PAGE_END: Final = "~"
REPAIR_PREFIX: Final = "REPAIR#"
# Sorts after every summary of its slice, which begin with a year: reading from the newest meets it
# first.
CUSTOMER_SUMMARY_COUNT: Final = "COUNT"
# Sorts behind all ranks, which begin with a digit.
RANKING_COUNT: Final = "COUNT"
VERSION_SORT: Final = "VERSION"
ROSTER_PREFIX: Final = "ROSTER#"
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


def organizations() -> str:
    """The partition of the directory that lists the organizations."""
    return "ORGANIZATIONS"


def token(sha256: str) -> Key:
    """A token is found by its hash alone: the organization is what it tells."""
    return Key(f"TOKEN#{sha256}", "TOKEN")


def session(sha256: str) -> Key:
    """A customer's session is found by the hash of its token, as a token is."""
    return Key(f"SESSION#{sha256}", "SESSION")


def parse_balance(sort_key: str) -> BalanceKey:
    """What `balance` made a sort key of. Raises ValueError for any other."""
    _, meter_id, generation, shard = sort_key.split(SEPARATOR)
    return BalanceKey(meter_id, int(generation), int(shard))


def expiries(slice_: int) -> str:
    """A part of the directory: the lots of all organizations, by when some expire next."""
    return f"EXPIRIES#{slice_}"


def parse_lots(sort_key: str) -> tuple[str, int]:
    """The meter, and its generation, whose lots are kept under a sort key."""
    _, meter_id, generation = sort_key.split(SEPARATOR)
    return meter_id, int(generation)


def expiry_of(item: Mapping[str, Any] | None) -> str | None:
    """When lots expire next, as their item lists them for the sweep."""
    listed = None if item is None else item.get(DIRECTORY_SORT)
    return None if listed is None else str(listed).partition(SEPARATOR)[0]


def hold_expiries(slice_: int) -> str:
    """A part of the directory: the holds of all organizations to be told of, by expiry."""
    return f"HOLD_EXPIRIES#{slice_}"


def alert_entry(alert_id: str, meter_id: str) -> str:
    """How the directory lists an alert."""
    return f"{alert_id}#{meter_id}"


def parse_alert_entry(directory_sort: str) -> str:
    """The meter of an alert that the directory lists."""
    return directory_sort.partition(SEPARATOR)[2]


class DeliveryEntry(NamedTuple):
    """What the directory says of an attempt to deliver a webhook."""

    delivery_id: str
    type: str
    http_code: int | None


def delivery_entry(delivery_id: str, type_: str, http_code: int | None) -> str:
    """How the directory lists an attempt to deliver a webhook."""
    return f"{delivery_id}#{type_}#{'' if http_code is None else http_code}"


def parse_delivery_entry(directory_sort: str) -> DeliveryEntry:
    delivery_id, type_, code = directory_sort.split(SEPARATOR)
    return DeliveryEntry(delivery_id, type_, int(code) if code else None)


def organization_of(partition: str) -> str:
    """The organization whose items a partition holds."""
    return partition.partition(SEPARATOR)[0]


def rollouts() -> str:
    """The partition of the directory that lists thresholds to be looked at again, by when."""
    return "ROLLOUTS"


def next_of(meter_id: str, generation: int) -> str:
    """What a customer's item calls the lots of a meter, where it says when they expire next."""
    return f"{meter_id}#{generation}"


def parse_next(name: str) -> tuple[str, int]:
    meter_id, _, generation = name.rpartition(SEPARATOR)
    return meter_id, int(generation)


def parse_customer(partition: str) -> tuple[str, str]:
    """The organization and the customer, or ledger, whose items a partition holds."""
    organization_id, _, customer_id = partition.partition("#CUSTOMER#")
    return organization_id, unescape(customer_id)


def parse_log(partition: str) -> tuple[str, str]:
    """The organization and the ledger whose log a partition holds."""
    organization_id, _, ledger_id = partition.partition("#LOG#")
    return organization_id, ledger_id


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


def parse_claim(partition: str) -> str:
    """The external id whose claim a partition holds."""
    return unescape(partition.rpartition(SEPARATOR)[2])


def parse_card(sort_key: str) -> tuple[str, str]:
    """When the customer of a summary was created, and its id."""
    created_at, customer_id = sort_key.split(SEPARATOR)
    return created_at, customer_id


def lists_ghosts(directory_partition: str) -> bool:
    return directory_partition.split(SEPARATOR)[1] == "GHOSTS"


def directory_slice(uuid: str) -> int:
    """The slice of the directory that a customer's id falls in: from its random last digits."""
    return int(uuid[-4:], 16) % DIRECTORY_SLICES


def listed_id(directory_sort: str) -> str:
    """The id that an entry of the directory lists: a customer's, or a ghost's ledger's."""
    return directory_sort.rpartition(SEPARATOR)[2]


# The read models, which are projected from the log: all of them carry an epoch, so that a rebuild
# makes the next one beside the one that is read.


def projection_slice(block: str) -> int:
    """The slice of the timeline that a block is in."""
    return crc32(block.encode()) % PROJECTION_SLICES


def parse_block(sort_key: str) -> str:
    """The minute of a block of the timeline, ``2026-11-24T01:15``."""
    return sort_key.partition(SEPARATOR)[0]


def block_entry(ledger_id: str, place: PageKey) -> str:
    """The attribute that a page is in a block, whose hour is the page's."""
    return f"{ledger_id}#{escape(place.batch)}#{place.group}#{place.first}"


def parse_block_entry(hour: str, attribute: str) -> tuple[str, PageKey]:
    """The ledger of an entry's page, and the page's place there."""
    ledger_id, batch, group, first = attribute.split(SEPARATOR)
    return ledger_id, PageKey(hour, unescape(batch), int(group), int(first))


# A scope is a ledger, by its id, or the organization, in slices: each a number.


def parse_name(sort_key: str) -> tuple[str, str]:
    """An event's source, which is never the caller's word, and its name."""
    source, _, event_name = sort_key.partition(SEPARATOR)
    return source, event_name


def distinct_value(quarter: str, value: bytes) -> str:
    return f"{quarter}#{value.hex()}"


def parse_distinct_value(sort_key: str) -> tuple[str, str]:
    """A quarter of an hour, ``2026-11-24T01:15``, and the hash of a value."""
    quarter, _, value = sort_key.partition(SEPARATOR)
    return quarter, value


# What is projected of a meter by the values of properties, each by its place in `group_by`.


def breakdown_day(place: int, day: str, value: str = "") -> str:
    """A value's quantities of a day in UTC; without a value, what they begin with."""
    return f"{place}#{day}#{escape(value)}" if value else f"{place}#{day}"


def parse_breakdown_day(sort_key: str) -> tuple[int, str, str]:
    """A property's place, a day and a value."""
    place, day, value = sort_key.split(SEPARATOR)
    return int(place), day, unescape(value)


def breakdown_value(place: int, quarter: str, value: str, distinct: bytes) -> str:
    """That a ``unique`` meter met a value in a quarter of an hour where a property had another."""
    return f"{place}#{quarter}#{escape(value)}#{distinct.hex()}"


def parse_breakdown_value(sort_key: str) -> tuple[int, str, str, str]:
    """A property's place, a quarter of an hour, the property's value, and the hash of the other."""
    place, quarter, value, distinct = sort_key.split(SEPARATOR)
    return int(place), quarter, unescape(value), distinct


def breakdown_roster(place: int, day: str) -> str:
    """Which values a property has in a day: it sorts after what is kept of them."""
    return f"{ROSTER_PREFIX}{place}#{day}"


class Keys(Struct, frozen=True):
    """The keys of one organization's data: another's can't be formed by them."""

    organization_id: str

    def organization(self) -> Key:
        return Key(f"{self.organization_id}#ORGANIZATION", "ORGANIZATION")

    def token_record(self, token_id: str) -> Key:
        return Key(f"{self.organization_id}#TOKENS", f"{TOKEN_PREFIX}{escape(token_id)}")

    def rate(self, token_id: str, window: int) -> Key:
        """How much of a window's budget was taken: the window begins at a second of the epoch."""
        return Key(f"{self.organization_id}#RATE#{escape(token_id)}", str(window))

    def customer(self, customer_id: str) -> Key:
        """A customer's item; the balances of the ledger of the same id share its partition."""
        return Key(f"{self.organization_id}#CUSTOMER#{escape(customer_id)}", CUSTOMER_SORT)

    def balance(self, ledger_id: str, meter_id: str, generation: int, shard: int) -> Key:
        """A shard of a balance, from 0."""
        return Key(
            self.customer(ledger_id).pk,
            f"{BALANCE_PREFIX}{meter_id}#{generation}#{shard}",
        )

    def unique(self, ledger_id: str, meter_id: str, generation: int, value: bytes) -> Key:
        """That a value has counted for a meter: by its hash."""
        return Key(self.unique_values(ledger_id, meter_id, generation), value.hex())

    def unique_values(self, ledger_id: str, meter_id: str, generation: int) -> str:
        """The partition that holds all values that have counted for a meter and a ledger."""
        return f"{self.organization_id}#UNIQUE#{ledger_id}#{meter_id}#{generation}"

    def email(self, address: str) -> Key:
        """The pointer that keeps an e-mail address unique, whatever its case."""
        return Key(f"{self.organization_id}#EMAIL#{escape(address.casefold())}", "POINTER")

    def external(self, external_id: str) -> Key:
        """The pointer from a customer's external id to a customer and a ledger."""
        return Key(f"{self.organization_id}#EXTERNAL#{escape(external_id)}", "POINTER")

    def meters(self) -> str:
        """The partition that holds an organization's meters and their version."""
        return f"{self.organization_id}#METERS"

    def meter(self, meter_id: str) -> Key:
        return Key(self.meters(), f"{METER_PREFIX}{escape(meter_id)}")

    def meter_version(self) -> Key:
        """The number that every change of what is counted raises."""
        return Key(self.meters(), VERSION_SORT)

    def backfill(self, meter_id: str, generation: int) -> Key:
        """How far the backfill of a meter has come."""
        return Key(f"{self.organization_id}#BACKFILL", f"{meter_id}#{generation}")

    def log(self, ledger_id: str) -> str:
        """The partition that holds a ledger's pages, in the order of the events' hours.

        They sort before `PAGES_END`, and the traces of repairs after it.
        """
        return f"{self.organization_id}#LOG#{ledger_id}"

    def page(self, ledger_id: str, place: PageKey) -> Key:
        return Key(self.log(ledger_id), page_sort(place))

    def repair(self, ledger_id: str, repaired_at: str, repair_id: str) -> Key:
        """The trace of a correction in a ledger's log, apart from its pages."""
        return Key(self.log(ledger_id), f"{REPAIR_PREFIX}{repaired_at}#{repair_id}")

    def claims(self) -> str:
        """What the partitions of an organization's claims begin with."""
        return f"{self.organization_id}#EVENT#"

    def claim(self, external_id: str) -> Key:
        """The claim that lets an event's external id count once."""
        return Key(f"{self.claims()}{escape(external_id)}", "CLAIM")

    def request(self, key_sha256: str) -> Key:
        """What is remembered of a request that came with an ``Idempotency-Key``."""
        return Key(f"{self.organization_id}#REQUEST#{key_sha256}", "REQUEST")

    def holds(self, customer_id: str, meter_id: str) -> Key:
        """The open holds of a customer and meter: beside the balances, for one query of both."""
        return Key(self.customer(customer_id).pk, f"{HOLDS_PREFIX}{meter_id}")

    def lots(self, customer_id: str, meter_id: str, generation: int) -> Key:
        """The open lots of a customer and meter, beside the balances."""
        return Key(self.customer(customer_id).pk, f"{LOTS_PREFIX}{meter_id}#{generation}")

    def thresholds(self, customer_id: str, meter_id: str, generation: int) -> Key:
        """The states of the thresholds of a customer and meter, beside the balances."""
        return Key(self.customer(customer_id).pk, f"{THRESHOLDS_PREFIX}{meter_id}#{generation}")

    def sequence(self, customer_id: str) -> Key:
        """How many events about a customer there have been for webhooks."""
        return Key(self.customer(customer_id).pk, "SEQUENCE")

    def alerts(self, customer_id: str) -> str:
        """The partition that holds a customer's alerts, in the order in which they were made."""
        return f"{self.organization_id}#ALERTS#{escape(customer_id)}"

    def alert(self, customer_id: str, alert_id: str) -> Key:
        return Key(self.alerts(customer_id), alert_id)

    def alert_directory(self, state: str) -> str:
        """The partition of the directory that lists the alerts that are in a state."""
        return f"{self.organization_id}#ALERTS#{state}"

    def outbox(self, event_id: str) -> Key:
        """What webhooks are told, under the id that they have."""
        return Key(f"{self.organization_id}#OUTBOX#{escape(event_id)}", "EVENT")

    def outbox_progress(self, event_id: str, endpoint_id: str) -> Key:
        """What has come of a webhook for an endpoint."""
        return Key(self.outbox(event_id).pk, f"ENDPOINT#{escape(endpoint_id)}")

    def delivery(self, event_id: str, delivery_id: str) -> Key:
        """An attempt to deliver a webhook."""
        return Key(self.outbox(event_id).pk, f"DELIVERY#{delivery_id}")

    def delivery_directory(self, endpoint_id: str) -> str:
        """The partition of the directory that lists the attempts to deliver to an endpoint."""
        return f"{self.organization_id}#DELIVERIES#{endpoint_id}"

    def endpoints(self) -> str:
        """The partition that holds an organization's endpoints of webhooks."""
        return f"{self.organization_id}#ENDPOINTS"

    def endpoint(self, endpoint_id: str) -> Key:
        return Key(self.endpoints(), escape(endpoint_id))

    def endpoint_health(self, endpoint_id: str) -> Key:
        """How an endpoint does, beside what it is: each attempt may write it."""
        return Key(f"{self.organization_id}#HEALTH#{escape(endpoint_id)}", "HEALTH")

    def rollout(self, meter_id: str) -> Key:
        """How far the balances of a meter have been looked at whose thresholds were changed."""
        return Key(f"{self.organization_id}#ROLLOUT", escape(meter_id))

    def grants_directory(self, customer_id: str) -> str:
        """The partition of the directory that lists the pages of a customer's grants with terms."""
        return f"{self.organization_id}#TERMS#{escape(customer_id)}"

    def void(self, customer_id: str, lot_id: str) -> Key:
        """That a lot was taken back, and where the log says so."""
        return Key(f"{self.organization_id}#VOID#{escape(customer_id)}", escape(lot_id))

    def refunds(self, event_id: str) -> Key:
        """What was given back of an event, or taken back, by a hash of its id."""
        digest = hashlib.sha256(event_id.encode()).hexdigest()
        return Key(f"{self.organization_id}#REFUNDS#{digest}", "REFUNDS")

    def activities(self) -> str:
        """The partition of the audit trail, in the order of time."""
        return f"{self.organization_id}#ACTIVITY"

    def activity(self, at: str, activity_id: str) -> Key:
        return Key(self.activities(), f"{at}#{activity_id}")

    def liabilities(self) -> str:
        """The partition that holds what was owed at the end of each day."""
        return f"{self.organization_id}#LIABILITY"

    def liability(self, day: str) -> Key:
        """What each meter's customers had left, as it was counted in a day in UTC."""
        return Key(self.liabilities(), day)

    def hold(self, hold_id: str) -> Key:
        return Key(f"{self.organization_id}#HOLD#{escape(hold_id)}", "HOLD")

    def hold_outcome(self, hold_id: str) -> Key:
        """What became of a hold: put once, by its capture or its release."""
        return Key(self.hold(hold_id).pk, "OUTCOME")

    def batch(self, batch_id: str) -> Key:
        """What is remembered of a batch that its sender named, and may send again."""
        return Key(f"{self.organization_id}#BATCH#{escape(batch_id)}", "BATCH")

    def customer_summaries(self, slice_: int) -> str:
        """The partition of the summaries of a slice of the customers, in the order of creation."""
        return f"{self.organization_id}#CARDS#{slice_}"

    def customer_summary(self, created_at: str, customer_id: str) -> Key:
        """What the list of customers knows of a customer."""
        slice_ = directory_slice(customer_id)
        return Key(self.customer_summaries(slice_), f"{created_at}#{customer_id}")

    def cards_count(self, customer_id: str) -> Key:
        """How many summaries the slice that a customer is in has."""
        return Key(self.customer_summaries(directory_slice(customer_id)), CUSTOMER_SUMMARY_COUNT)

    def customer_directory(self, slice_: int) -> str:
        """The index's partition that lists a slice of the customers."""
        return f"{self.organization_id}#CUSTOMERS#{slice_}"

    def ghost_directory(self, slice_: int) -> str:
        """The same of the ledgers of external ids that no customer has."""
        return f"{self.organization_id}#GHOSTS#{slice_}"

    def holder_directory(self, meter_id: str, slice_: int) -> str:
        """The balances of a meter, by ledger."""
        return f"{self.organization_id}#HOLDERS#{meter_id}#{slice_}"

    def ranking(self, meter_id: str, generation: int, slice_: int) -> str:
        """The partition of a slice of a meter's customers, in the order of what they have left."""
        return f"{self.organization_id}#RANKING#{escape(meter_id)}#{generation}#{slice_}"

    def ranking_count(self, meter_id: str, generation: int, slice_: int) -> Key:
        """How many customers a slice of a ranking has of each status."""
        return Key(self.ranking(meter_id, generation, slice_), RANKING_COUNT)

    def ranked(self, customer_id: str) -> Key:
        """Where a customer stands in the rankings of meters."""
        return Key(f"{self.organization_id}#RANKED#{escape(customer_id)}", "RANKED")

    def projection(self) -> Key:
        """Which epoch of what is projected is read, and which is being built."""
        return Key(f"{self.organization_id}#PROJECTION", "PROJECTION")

    def rebuild(self) -> Key:
        """How far a rebuild of what is projected has come."""
        return Key(self.projection().pk, "REBUILD")

    def timeline(self, epoch: int, slice_: int) -> str:
        """The partition that lists pages in a slice of the blocks, by minute."""
        return f"{self.organization_id}#TIMELINE#{epoch}#{slice_}"

    def timeline_block(self, epoch: int, minute: str, block: str) -> Key:
        """The pages of a block whose latest events are in one minute."""
        return Key(self.timeline(epoch, projection_slice(block)), f"{minute}#{escape(block)}")

    def projected_page(self, epoch: int, ledger_id: str, place: PageKey) -> Key:
        """Which further parts of a page that takes several transactions were projected."""
        return Key(self.projected_parts(epoch, ledger_id), page_sort(place))

    def projected_parts(self, epoch: int, ledger_id: str) -> str:
        return f"{self.organization_id}#PARTS#{epoch}#{ledger_id}"

    def projected_past(self, epoch: int, ledger_id: str, meter_id: str, generation: int) -> Key:
        """How far a meter's past in a ledger's log was projected."""
        return Key(self.projected_pasts(epoch, ledger_id), f"{escape(meter_id)}#{generation}")

    def projected_pasts(self, epoch: int, ledger_id: str) -> str:
        return f"{self.organization_id}#PASTS#{epoch}#{ledger_id}"

    def names(self, epoch: int, scope: str) -> str:
        """The partition that holds the names of a scope's events."""
        return f"{self.organization_id}#NAMES#{epoch}#{scope}"

    def name(self, epoch: int, scope: str, source: str, event_name: str) -> Key:
        return Key(self.names(epoch, scope), f"{source}#{event_name}")

    def quantities(self, epoch: int, scope: str, meter_id: str, generation: int) -> str:
        """The partition that holds a meter's quantities in a scope, an item for each day in UTC."""
        return f"{self.organization_id}#QUANTITY#{epoch}#{scope}#{escape(meter_id)}#{generation}"

    def distinct_values(self, epoch: int, scope: str, meter_id: str, generation: int) -> str:
        """The partition that holds the values of a ``unique`` meter, by quarter of an hour."""
        return f"{self.organization_id}#VALUES#{epoch}#{scope}#{escape(meter_id)}#{generation}"

    def breakdown(self, epoch: int, scope: str, meter_id: str, grouping: int) -> str:
        """The partition that holds a meter's quantities in a scope by the values of properties."""
        return f"{self.organization_id}#GROUPS#{epoch}#{scope}#{escape(meter_id)}#{grouping}"

    def breakdown_past(self, epoch: int, ledger_id: str, meter_id: str, grouping: int) -> Key:
        """How far the past of a meter's breakdowns in a ledger's log was projected."""
        sort = f"{escape(meter_id)}#GROUPS#{grouping}"
        return Key(self.projected_pasts(epoch, ledger_id), sort)

    def breakdown_backfill(self, meter_id: str, grouping: int) -> Key:
        """How far the backfill of a meter's breakdowns has come."""
        return Key(self.backfill(meter_id, 0).pk, f"{meter_id}#GROUPS#{grouping}")
