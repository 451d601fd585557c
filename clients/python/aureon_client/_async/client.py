"""The client: requests that are sent until they are answered, each under its id."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import httpx

from .. import _async_runtime as runtime
from .. import types
from .._charges import (
    CustomerId,
    Metadata,
    Units,
    charge,
    event,
    metadata_of,
    new_id,
    time_of,
    where,
    without_none,
)
from .._exact import encode, units_of
from .._sending import Tries
from ..errors import Invalid, NotFound
from .batches import AsyncBatch
from .holds import AsyncHold, AsyncKeeper

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self, Unpack


class AsyncClient:
    """A client of Aureon, for any number of callers at once.

    The token and the address are taken from `AUREON_ACCESS_TOKEN` and `AUREON_URL`, unless given.
    Every call that writes has an id before it is sent, the caller's or a new one, and is sent again
    under it when its answer is lost, at 429, 5xx and time-outs, with growing pauses, for
    `deadline_seconds`: then it raises `Unavailable`. An attempt takes `timeout_seconds` at most. An
    answer that refuses (`Refused`, 4xx) is raised at once. `http` is an httpx client to use, in
    place of one of its own.
    """

    def __init__(
        self,
        access_token: str | None = None,
        url: str | None = None,
        *,
        deadline_seconds: float = 60,
        timeout_seconds: float = 10,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        token = access_token or os.environ.get("AUREON_ACCESS_TOKEN")
        address = url or os.environ.get("AUREON_URL")
        if not token or not address:
            missing = "AUREON_URL" if token else "AUREON_ACCESS_TOKEN"
            raise ValueError(f"Set {missing}, or give the client an access token and a URL.")
        self._url = address.rstrip("/")
        self._token = token
        self._deadline_seconds = deadline_seconds
        self._timeout_seconds = timeout_seconds
        self._http = http or httpx.AsyncClient(limits=httpx.Limits(max_connections=None))
        self._left: set[Any] = set()
        self._keeper = AsyncKeeper()
        self.customers = Customers(self)
        self.meters = Meters(self)
        self.events = Events(self)
        self.customer_meters = CustomerMeters(self)
        self.holds = Holds(self)
        self.grants = Grants(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what was left behind by callers that hung up, and close the connections."""
        await runtime.all_finished(self._left)
        await self._keeper.aclose()
        await self._http.aclose()

    def hold(
        self,
        customer: str,
        name: str,
        *,
        units: Units,
        id: str | None = None,
        metadata: Metadata | None = None,
        property: str = "units",
        limit: Units = 0,
        expires_in_seconds: int = 600,
    ) -> AsyncHold:
        """Hold the most that something may cost, for as long as a ``with`` block lasts.

        See `AsyncHold`. `limit` is how far the balance may rise above zero.
        """
        body = charge(customer, name, units, id or new_id(), metadata, property, limit)
        held = cast(types.HoldBody, {**body, "expires_in_seconds": expires_in_seconds})
        return AsyncHold(self, held, property)

    async def spend(
        self,
        customer: str,
        name: str,
        *,
        units: Units | None = None,
        id: str | None = None,
        metadata: Metadata | None = None,
        property: str = "units",
        limit: Units = 0,
    ) -> types.Spent:
        """Count units where the credits suffice, in one step; else raise `InsufficientCredits`.

        `limit` is how far the balance may rise above zero.
        """
        given = id or new_id()
        body = charge(customer, name, units, given, metadata, property, limit)
        return cast(types.Spent, await self._call("POST", "/v1/credits/spend", body, id=given))

    async def refund(
        self,
        *,
        event_id: str | None = None,
        spend_id: str | None = None,
        hold_id: str | None = None,
        units: Units | None = None,
        id: str | None = None,
        meter_id: str | None = None,
        reason: str | None = None,
    ) -> types.Refund:
        """Give back what an event took, all that is left of it or so many units.

        The event is named by its id, by the caller's id of its spend, or by the id of the hold that
        it captured.
        """
        given = id or new_id()
        body = without_none(
            event_id=event_id,
            spend_external_id=spend_id,
            hold_id=hold_id,
            units=None if units is None else units_of(units),
            external_id=given,
            meter_id=meter_id,
            reason=reason,
        )
        return cast(types.Refund, await self._call("POST", "/v1/credits/refunds", body, id=given))

    async def ingest(
        self, events: Sequence[types.EventBody], *, id: str | None = None
    ) -> types.Ingested:
        """Count events, all of them once: what has happened counts, whatever is left.

        `aureon_client.event` makes one. `id` is the request's; an event's own makes it count once,
        for ever, in whichever request it comes.
        """
        return await self._ingest(events, id or new_id())

    def batch(
        self,
        *,
        max_events: int = 100,
        max_seconds: float = 1.0,
        max_pending: int = 10_000,
        close_seconds: float = 30.0,
    ) -> AsyncBatch:
        """Collect events, and send them by size and time. See `AsyncBatch`."""
        return AsyncBatch(
            self._ingest,
            self._left,
            max_events=max_events,
            max_seconds=max_seconds,
            max_pending=max_pending,
            close_seconds=close_seconds,
        )

    async def _ingest(
        self,
        events: Sequence[types.EventBody],
        id: str,
        deadline_seconds: float | None = None,
    ) -> types.Ingested:
        answer = await self._call(
            "POST",
            "/v1/events/ingest",
            {"events": events},
            id=id,
            headers={"Idempotency-Key": id},
            deadline_seconds=deadline_seconds,
        )
        return cast(types.Ingested, answer)

    async def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, Any] | None = None,
        id: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float | None = None,
        find: Callable[[], runtime.Work[Any]] | None = None,
    ) -> Any:
        """Send a request until it is answered. Raises `Refused` and `Unavailable`.

        What has no id of its own is looked for by `find` before it is sent again.
        """
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        content = None
        if body is not None:
            content, sent["Content-Type"] = encode(body), "application/json"
        tries = Tries(deadline_seconds or self._deadline_seconds, id)
        while True:
            try:
                response = await self._http.request(
                    method,
                    self._url + path,
                    params=_flat(query or {}),
                    content=content,
                    headers=sent,
                    timeout=tries.timeout(self._timeout_seconds),
                )
                return tries.answered(response)
            except Exception as failure:
                await runtime.sleep(tries.pause(failure))
            if find is not None and tries.uncertain and (found := await find()) is not None:
                return found


class _Part:
    def __init__(self, client: AsyncClient) -> None:
        self._call = client._call


class Customers(_Part):
    """Customers, named by the id that your system has for them, or by `CustomerId`."""

    async def create(self, **customer: Unpack[types.CustomerBody]) -> types.Customer:
        """Create a customer. Raises `Invalid` where the address or the external id is taken.

        Where an answer got lost, the customer that is there with all that was given is the one.
        """
        try:
            return cast(types.Customer, await self._call("POST", "/v1/customers/", customer))
        except Invalid as taken:
            if not taken.uncertain:
                raise
            email, external_id = customer.get("email"), customer.get("external_id")
            if email is not None:
                found = (await self.list(email=email))["items"]
            else:
                found = [await self.get(external_id)] if external_id else []
            for made in found:
                if all(made.get(name) == value for name, value in customer.items()):
                    return made
            raise

    async def get(self, customer: str) -> types.Customer:
        path, query = where(customer)
        return cast(types.Customer, await self._call("GET", path, query=query))

    async def list(self, **query: Unpack[types.ListCustomersQuery]) -> types.CustomerPage:
        return cast(types.CustomerPage, await self._call("GET", "/v1/customers/", query=query))

    async def update(
        self, customer: str, **changes: Unpack[types.CustomerUpdateBody]
    ) -> types.Customer:
        path, query = where(customer)
        return cast(types.Customer, await self._call("PATCH", path, changes, query=query))

    async def delete(self, customer: str, *, anonymize: bool = False) -> None:
        path, query = where(customer)
        try:
            await self._call("DELETE", path, query={**query, "anonymize": anonymize})
        except NotFound as gone:
            if not gone.uncertain:
                raise

    async def state(self, customer: str) -> types.CustomerState:
        """The customer with all balances: exact, every event that was answered among them."""
        path, query = where(customer, state=True)
        return cast(types.CustomerState, await self._call("GET", path, query=query))


class Meters(_Part):
    """Meters: which events count, and how."""

    async def create(self, **meter: Unpack[types.MeterBody]) -> types.MeterWithBackfill:
        """Create a meter. Where an answer got lost, the newest one that is the same is the one."""

        async def find() -> types.MeterWithBackfill | None:
            found = await self.list(query=meter["name"], sorting="-created_at", limit=100)
            given = (meter["name"], meter["filter"], meter["aggregation"])
            for made in found["items"]:
                if (made["name"], made["filter"], made["aggregation"]) == given:
                    return made
            return None

        answer = await self._call("POST", "/v1/meters/", meter, find=find)
        return cast(types.MeterWithBackfill, answer)

    async def get(self, meter_id: str) -> types.MeterWithBackfill:
        return cast(types.MeterWithBackfill, await self._call("GET", f"/v1/meters/{meter_id}"))

    async def list(self, **query: Unpack[types.ListMetersQuery]) -> types.MeterWithBackfillPage:
        answer = await self._call("GET", "/v1/meters/", query=query)
        return cast(types.MeterWithBackfillPage, answer)

    async def update(
        self, meter_id: str, **changes: Unpack[types.MeterUpdateBody]
    ) -> types.MeterWithBackfill:
        answer = await self._call("PATCH", f"/v1/meters/{meter_id}", changes)
        return cast(types.MeterWithBackfill, answer)

    async def quantities(
        self, meter_id: str, **query: Unpack[types.GetMeterQuantitiesQuery]
    ) -> types.Quantities:
        answer = await self._call("GET", f"/v1/meters/{meter_id}/quantities", query=query)
        return cast(types.Quantities, answer)


class Events(_Part):
    """Events that have counted."""

    async def get(self, event_id: str) -> types.Event:
        return cast(types.Event, await self._call("GET", f"/v1/events/{event_id}"))

    async def list(self, **query: Unpack[types.ListEventsQuery]) -> types.EventPage:
        return cast(types.EventPage, await self._call("GET", "/v1/events/", query=query))

    async def void(self, event_id: str, *, allow_debt: bool = False) -> types.Voided:
        """Take an event back: what is left of what it took, or of what it gave.

        With `allow_debt` all of what it gave, as after a charge-back. Again, it changes nothing.
        """
        body = {"allow_debt": allow_debt}
        path = f"/v1/events/{event_id}/void"
        return cast(types.Voided, await self._call("POST", path, body, id=event_id))

    async def names(self, **query: Unpack[types.ListEventNamesQuery]) -> types.EventNamePage:
        answer = await self._call("GET", "/v1/events/names", query=query)
        return cast(types.EventNamePage, answer)


class CustomerMeters(_Part):
    """Balances."""

    async def get(self, id: str) -> types.CustomerMeter:
        return cast(types.CustomerMeter, await self._call("GET", f"/v1/customer-meters/{id}"))

    async def list(self, **query: Unpack[types.ListCustomerMetersQuery]) -> types.CustomerMeterPage:
        answer = await self._call("GET", "/v1/customer-meters/", query=query)
        return cast(types.CustomerMeterPage, answer)


class Grants(_Part):
    """Credits that are given: for good, or with an expiry, a priority, a recurrence."""

    async def create(
        self,
        customer: str,
        name: str,
        *,
        units: Units | None = None,
        id: str | None = None,
        metadata: Metadata | None = None,
        property: str = "units",
        meter_id: str | None = None,
        expires_at: datetime | None = None,
        expires_in_seconds: int | None = None,
        priority: int | None = None,
        recurrence: types.RecurrenceBody | None = None,
        rollover: types.RolloverBody | None = None,
        note: str | None = None,
    ) -> types.Grant:
        """Give credits, once under an id: name and units are those that the meter adds up.

        Without terms they are there for good. Raises `Conflict` where something else was counted
        under the id.
        """
        given = id or new_id()
        made = event(customer, name, units=units, id=given, metadata=metadata, property=property)
        terms = without_none(
            meter_id=meter_id,
            expires_at=None if expires_at is None else time_of(expires_at),
            expires_in_seconds=expires_in_seconds,
            priority=priority,
            recurrence=recurrence,
            rollover=rollover,
            note=note,
        )
        answer = await self._call("POST", "/v1/credits/grants", {**made, **terms}, id=given)
        return cast(types.Grant, answer)

    async def get(self, grant_id: str) -> types.Grant:
        """A grant with terms, and what has become of it."""
        return cast(types.Grant, await self._call("GET", f"/v1/credits/grants/{grant_id}"))

    async def list(
        self,
        customer: str,
        *,
        meter_id: str | builtins.list[str] | None = None,
        status: str | builtins.list[str] | None = None,
        page: int = 1,
        limit: int = 100,
    ) -> types.GrantPage:
        """A customer's grants with terms, newest first."""
        named = "customer_id" if isinstance(customer, CustomerId) else "external_customer_id"
        chosen = without_none(meter_id=meter_id, status=status)
        query = {named: customer, **chosen, "page": page, "limit": limit}
        return cast(types.GrantPage, await self._call("GET", "/v1/credits/grants", query=query))

    async def void(self, grant_id: str, *, allow_debt: bool = False) -> types.Grant:
        """Take back what is left of a grant; it comes back no more. Again, it changes nothing.

        With `allow_debt` what was used of it as well. Raises `Conflict` where it was voided in the
        other way.
        """
        path = f"/v1/credits/grants/{grant_id}/void"
        body = {"allow_debt": allow_debt}
        return cast(types.Grant, await self._call("POST", path, body, id=grant_id))


class Holds(_Part):
    """Holds by Aureon's own id of them: for what no ``with`` block can span."""

    async def place(self, body: types.HoldBody) -> types.Hold:
        """Place a hold, or find the one that was placed under the same external id."""
        answer = await self._call("POST", "/v1/credits/holds", body, id=body["external_id"])
        return cast(types.Hold, answer)

    async def get(self, hold_id: str) -> types.Hold:
        return cast(types.Hold, await self._call("GET", f"/v1/credits/holds/{hold_id}"))

    async def capture(
        self,
        hold_id: str,
        *,
        units: Units | None = None,
        metadata: Metadata | None = None,
        property: str = "units",
        limit: Units | None = None,
    ) -> types.Hold:
        """Count what was used in the end, and give back the rest.

        Without units, what was held. `limit` is how far what goes beyond the hold may raise the
        balance above zero, in place of the hold's. Raises `InsufficientCredits` where more was used
        than was held and is left, and `Conflict` where the hold has ended in another way.
        """
        body: dict[str, Any] = {"metadata": metadata_of(units, property, metadata)}
        if limit is not None:
            body["limit"] = units_of(limit)
        return await self._end(hold_id, "capture", body)

    async def release(self, hold_id: str) -> types.Hold:
        """Give back what was held. Raises `Conflict` where it was captured."""
        return await self._end(hold_id, "release", {})

    async def extend(self, hold_id: str, *, expires_in_seconds: int) -> types.Hold:
        """Let a hold last so many seconds from when it was placed, 24 hours at most.

        Nothing is changed where it lasts longer already.
        """
        return await self._end(hold_id, "extend", {"expires_in_seconds": expires_in_seconds})

    async def _end(self, hold_id: str, how: str, body: object) -> types.Hold:
        path = f"/v1/credits/holds/{hold_id}/{how}"
        return cast(types.Hold, await self._call("POST", path, body, id=hold_id))


def _flat(query: Mapping[str, Any]) -> httpx.QueryParams:
    """A query as it is sent: what may be repeated is, and metadata has its brackets."""
    flat: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in query.items():
        named = (
            {f"{name}[{key}]": each for key, each in value.items()}
            if isinstance(value, Mapping)
            else {name: value}
        )
        for key, each in named.items():
            for one in each if isinstance(each, list) else [each]:
                flat.append((key, one))
    return httpx.QueryParams(flat)
