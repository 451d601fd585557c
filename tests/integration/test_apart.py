"""Apart: no request of one organization reads or changes anything of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from aureon.access import tokens
from aureon.api.routes import CUSTOMER_SESSION, GREEDY, ROUTES, Route
from aureon.storage import keys
from tests.integration.conftest import NewApi
from tests.support.handlers import Api, Reply
from tests.support.projected import project_all
from tests.support.recount import scan
from tests.support.watched import outbox, watch_all

EXTERNAL_ID = "user_123"
EMAIL = "user@example.com"


class Shop(NamedTuple):
    """An organization with a customer, who has a balance of one meter, and a hold on it."""

    api: Api
    customer_id: str
    meter_id: str
    hold_id: str

    @property
    def ids(self) -> set[str]:
        return {self.api.organization_id, self.customer_id, self.meter_id, self.hold_id}

    def caller(self, route: Route) -> Api:
        """Who may call a route: the organization, or its customer with a session."""
        if route.scope != CUSTOMER_SESSION:
            return self.api
        made = self.api.post("/v1/customer-sessions/", {"customer_id": self.customer_id})
        return replace(self.api, token=made.body["token"])

    def use(self, units: int, **more: Any) -> Reply:
        event = {"name": "api_usage", "customer_id": self.customer_id, "metadata": {"units": units}}
        return self.api.ingest(event | more)

    def hold(self, **more: Any) -> Reply:
        """Hold a unit, however many there are."""
        body = {"name": "api_usage", "external_id": "h1", "customer_id": self.customer_id}
        return self.api.post(
            "/v1/credits/holds", body | {"metadata": {"units": 1}, "limit": 100} | more
        )

    @property
    def event_ids(self) -> list[str]:
        events = self.api.get("/v1/events/", customer_id=self.customer_id).body["items"]
        return [event["id"] for event in events]

    @property
    def webhook_ids(self) -> list[str]:
        """An endpoint's id, and that of a webhook."""
        (endpoint,) = self.api.get("/v1/webhooks/endpoints").body["items"]
        return [
            endpoint["id"],
            *(
                entry["id"]
                for entry in outbox(self.api.store)
                if entry[keys.PARTITION].startswith(self.api.organization_id)
            ),
        ]

    def balance(self) -> Any:
        return self.api.balances(self.customer_id).get(self.meter_id)


def open_shop(api: Api, external_id: str = EXTERNAL_ID) -> Shop:
    shop = Shop(api, api.customer(EMAIL, external_id=external_id), api.meter(), "")
    given = {"external_id": f"{external_id}s"}
    assert api.patch(f"/v1/meters/{shop.meter_id}", given).status == 200
    shop = shop._replace(hold_id=shop.hold().body["id"])
    endpoint = {"url": "https://example.com/hook", "events": ["customer.created"]}
    assert api.post("/v1/webhooks/endpoints", endpoint).status == 201
    watch_all(api.store)
    assert shop.use(5).status == 200
    return shop


def of(api: Api) -> list[str]:
    """All that the table holds of an organization."""
    prefix = f"{api.organization_id}#"
    return sorted(str(item) for item in scan(api.store) if item[keys.PARTITION].startswith(prefix))


def names_a_thing(route: Route) -> bool:
    """Whether a route's path names something that must be there."""
    creates = route.operation == "put_customer_external"
    return "{" in route.path and route.path.startswith("/v1/") and not creates


def body_of(route: Route) -> bytes:
    """A good body, where a route takes one."""
    if route.path.endswith("/extend"):
        return b'{"expires_in_seconds": 900}'
    if route.method == "PUT":
        return b'{"thresholds": [{"available_credits": 5}]}'
    return b'{"name": "Changed", "is_archived": true}' if route.method == "PATCH" else b""


@pytest.fixture
def mine(new_api: NewApi) -> Shop:
    return open_shop(new_api())


@pytest.fixture
def theirs(new_api: NewApi) -> Shop:
    """Another organization's shop; whatever the test does, nothing of it is changed."""
    return open_shop(new_api(), external_id="their_user")


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if names_a_thing(route)],
    ids=str,
)
def test_an_id_of_another_organization_is_not_found(mine: Shop, theirs: Shop, route: Route) -> None:
    before = of(theirs.api)
    ids = {
        "meters": [theirs.meter_id],
        "customers": [theirs.customer_id],
        "customer-portal": [
            f"{theirs.customer_id}.{theirs.meter_id}",
            f"{theirs.customer_id}.{mine.meter_id}",
            f"{mine.customer_id}.{theirs.meter_id}",
        ],
        "customer-meters": [
            *theirs.event_ids,
            f"{theirs.customer_id}.{theirs.meter_id}",
            f"{theirs.customer_id}.{mine.meter_id}",
            f"{mine.customer_id}.{theirs.meter_id}",
        ],
        "credits": [theirs.hold_id],
        "events": theirs.event_ids,
        "tokens": [record.id for record in tokens.list_records(theirs.api.store)],
        "webhooks": theirs.webhook_ids,
        # Of none: dead letters of others are in `test_dead_letters`, where there is a queue.
        "dead-letters": [theirs.customer_id],
    }[route.path.split("/")[2]]

    for id_ in ids:
        external_id = "their_users" if route.path.startswith("/v1/meters") else "their_user"
        path = route.path.format(id=id_, external_id=external_id)
        assert mine.caller(route).request(route.method, path, body_of(route)).status == 404

    assert of(theirs.api) == before
    assert theirs.balance() == 5


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if names_a_thing(route)],
    ids=str,
)
def test_an_id_cannot_be_forged_into_another_organization(
    mine: Shop, theirs: Shop, route: Route
) -> None:
    other = theirs.api.organization_id
    forged = [
        f"{other}#CUSTOMER#{theirs.customer_id}",
        f"#{other}#CUSTOMER#{theirs.customer_id}",
        f"{theirs.customer_id}#CUSTOMER",
        f"{other}#METERS",
        f"METER#{theirs.meter_id}",
        f"{other}#EXTERNAL#their_user",
    ]

    for id_ in forged:
        path = route.path.replace("{id}", id_).replace("{external_id}", id_).replace("#", "%23")
        # A path carries no external id with a separator of keys.
        refused = 422 if GREEDY in route.path and "#" in id_ else 404
        assert mine.caller(route).request(route.method, path, body_of(route)).status == refused


def test_lists_show_the_callers_own_and_nothing_else(mine: Shop, theirs: Shop) -> None:
    for path in ("/v1/customers/", "/v1/meters/", "/v1/customer-meters/"):
        reply = mine.api.get(path, limit=100)
        assert reply.body["pagination"]["total_count"] == 1
        assert not [id_ for id_ in theirs.ids if id_ in reply.text]


def test_what_is_shown_of_events_is_of_the_callers_own(mine: Shop, theirs: Shop) -> None:
    """In lists, names, exports, quantities and previews, by name or without one."""
    assert theirs.use(5, name="their_secret").status == 200
    project_all(mine.api.store)
    named = {"customer_id": theirs.customer_id}, {"external_customer_id": "their_user"}
    everything = {"conjunction": "and", "clauses": []}
    hours = {"start_timestamp": "2020-01-01T00:00:00Z", "end_timestamp": "2030-01-01T00:00:00Z"}
    by_year = {**hours, "interval": "year"}

    shown = [
        *(mine.api.get("/v1/events/", **whose) for whose in ({}, *named)),
        *(mine.api.get("/v1/events/names", **whose) for whose in ({}, *named)),
        *(mine.api.get("/v1/events/export", **whose) for whose in ({}, *named)),
        mine.api.get(f"/v1/meters/{mine.meter_id}/quantities", **by_year),
        *(
            mine.api.get(f"/v1/meters/{mine.meter_id}/quantities", **by_year, **whose)
            for whose in named
        ),
        mine.api.post(
            "/v1/meters/preview", {"filter": everything, "aggregation": {"func": "count"}}
        ),
    ]

    for reply in shown:
        assert reply.status == 200, reply.text
        secrets = theirs.ids | {"their_secret", "their_user", theirs.event_ids[0]}
        assert not [secret for secret in secrets if secret in reply.text], reply.text
    events, *_ = shown
    assert len(events.body["items"]) == 1


def test_another_organizations_meter_selects_nothing(mine: Shop, theirs: Shop) -> None:
    for path in ("/v1/events/", "/v1/events/export"):
        assert mine.api.get(path, meter_id=theirs.meter_id).problems() == {("query", "meter_id")}


def test_an_export_cannot_go_on_behind_another_organizations_event(
    mine: Shop, theirs: Shop
) -> None:
    after = theirs.event_ids[0]

    assert mine.api.get("/v1/events/export", after=after).problems() == {("query", "after")}


def test_tokens_are_listed_to_their_own_organization_alone(mine: Shop, theirs: Shop) -> None:
    reply = mine.api.get("/v1/tokens/", limit=100)

    assert reply.body["pagination"]["total_count"] == 1
    for record in tokens.list_records(theirs.api.store):
        assert record.id not in reply.text


def test_lists_find_nothing_of_another_organization(mine: Shop, theirs: Shop) -> None:
    def found(**parameters: str) -> list[Any]:
        items: list[Any] = mine.api.get("/v1/customer-meters/", **parameters).body["items"]
        return items

    assert found(customer_id=theirs.customer_id) == []
    assert found(external_customer_id="their_user") == []
    assert found(meter_id=theirs.meter_id) == []
    assert found(customer_id=mine.customer_id, meter_id=theirs.meter_id) == []
    assert found(customer_id=theirs.customer_id, meter_id=mine.meter_id) == []
    assert mine.api.get("/v1/customers/", query="their_user").body["items"] == []


def test_an_event_for_another_organizations_customer_is_refused(mine: Shop, theirs: Shop) -> None:
    before = of(mine.api), of(theirs.api)

    assert mine.use(7, customer_id=theirs.customer_id).problems() == {
        ("body", "events", "0", "customer_id")
    }

    assert (of(mine.api), of(theirs.api)) == before


def test_another_organizations_customer_cannot_be_charged(mine: Shop, theirs: Shop) -> None:
    before = of(mine.api), of(theirs.api)
    spend = {"name": "api_usage", "metadata": {"units": 1}, "limit": 100}

    named = {"customer_id": theirs.customer_id}
    assert mine.api.post("/v1/credits/spend", spend | named).status in (404, 422)
    assert mine.hold(**{"customer_id": None, **named}).status in (404, 422)
    # By an external id it is one of the caller's own, whom nobody has granted anything.
    own = {**spend, "external_customer_id": "their_user", "limit": 0}
    assert mine.api.post("/v1/credits/spend", own).status == 402

    assert (of(mine.api), of(theirs.api)) == before


def test_an_event_for_another_organizations_external_id_stays_at_home(
    mine: Shop, theirs: Shop
) -> None:
    before = of(theirs.api)

    assert mine.use(7, customer_id=None, external_customer_id="their_user").status == 200

    assert of(theirs.api) == before
    ghost = mine.api.customer("ghost@example.com", external_id="their_user")
    assert mine.api.balances(ghost) == {mine.meter_id: 7}
    assert theirs.balance() == 5


@pytest.fixture
def alike(new_api: NewApi) -> Shop:
    """Another organization that calls everything as `mine` does."""
    return open_shop(new_api())


def test_the_same_names_in_two_organizations_are_different_things(mine: Shop, alike: Shop) -> None:
    assert not mine.ids & alike.ids
    assert mine.use(10).status == 200
    assert mine.use(20, customer_id=None, external_customer_id=EXTERNAL_ID).status == 200

    for shop, balance in ((mine, 35), (alike, 5)):
        customer = shop.api.get(f"/v1/customers/external/{EXTERNAL_ID}").body
        (by_email,) = shop.api.get("/v1/customers/", email=EMAIL).body["items"]
        state = shop.api.get(f"/v1/customers/external/{EXTERNAL_ID}/state").body
        assert customer["id"] == by_email["id"] == state["id"] == shop.customer_id
        assert customer["organization_id"] == shop.api.organization_id
        assert [meter["balance"] for meter in state["active_meters"]] == [balance]


def test_the_same_event_id_counts_once_in_each_organization(mine: Shop, alike: Shop) -> None:
    for shop in (mine, alike):
        assert shop.use(1, external_id="e1").body == {"inserted": 1, "duplicates": 0}
        assert shop.use(1, external_id="e1").body == {"inserted": 0, "duplicates": 1}
        assert shop.balance() == 6


def test_the_same_external_id_of_a_hold_is_another_hold_in_each_organization(
    mine: Shop, alike: Shop
) -> None:
    before = of(alike.api)

    released = mine.api.post(f"/v1/credits/holds/{mine.hold_id}/release", {})

    assert released.status == 200
    assert of(alike.api) == before
    assert alike.api.get(f"/v1/credits/holds/{alike.hold_id}").body["status"] == "open"


def test_the_same_idempotency_key_is_another_request_in_each_organization(
    mine: Shop, alike: Shop
) -> None:
    event = {"name": "api_usage", "external_customer_id": EXTERNAL_ID}

    for shop, units in ((mine, 1), (alike, 2)):
        for _ in range(2):
            reply = shop.api.ingest(event | {"metadata": {"units": units}}, idempotency_key="k1")
            assert reply.body == {"inserted": 1, "duplicates": 0}
        assert shop.balance() == 5 + units


def test_deleting_a_customer_leaves_its_namesake_elsewhere(mine: Shop, alike: Shop) -> None:
    before = of(alike.api)

    reply = mine.api.delete(f"/v1/customers/external/{EXTERNAL_ID}", anonymize="true")

    assert reply.status == 204
    assert of(alike.api) == before
    assert alike.api.get(f"/v1/customers/external/{EXTERNAL_ID}").status == 200


def test_archiving_a_meter_leaves_its_namesake_elsewhere(mine: Shop, alike: Shop) -> None:
    before = of(alike.api)

    reply = mine.api.patch(f"/v1/meters/{mine.meter_id}", {"is_archived": True})

    assert reply.status == 200
    assert of(alike.api) == before
    assert alike.use(1).status == 200
    assert alike.balance() == 6


def test_meters_count_their_own_organizations_events_alone(mine: Shop, alike: Shop) -> None:
    for _ in range(3):
        assert mine.use(1).status == 200
        assert alike.use(100).status == 200

    assert mine.api.balances(mine.customer_id) == {mine.meter_id: 8}
    assert alike.api.balances(alike.customer_id) == {alike.meter_id: 305}


def test_who_puts_a_customer_of_anothers_external_id_has_one_of_his_own(
    mine: Shop, theirs: Shop
) -> None:
    before = of(theirs.api)

    reply = mine.api.request("PUT", "/v1/customers/external/their_user", b'{"name": "Mine"}')
    assert (reply.status, reply.body["organization_id"]) == (201, mine.api.organization_id)

    assert of(theirs.api) == before
