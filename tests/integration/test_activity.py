"""The audit trail: who did what, told where it was done and nowhere else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from aureon.access import activity, tokens
from aureon.core import exact
from tests.integration.test_dead_letters import bury, listed
from tests.support.deliveries import Queues, Sent, message
from tests.support.faults import Crash, Fault, faults, nth_write
from tests.support.handlers import Api
from tests.support.seams import restart_handlers, without_pauses


def named(api: Api, name: str, *scopes: str) -> Api:
    token, _ = tokens.create(api.store, name=name, scopes=scopes or tokens.SCOPES)
    return replace(api, token=token)


def trail(api: Api, **chosen: Any) -> list[Any]:
    reply = api.get("/v1/activity/", limit=100, **chosen)
    assert reply.status == 200, reply.body
    items: list[Any] = reply.body["items"]
    return items


def told(api: Api, **chosen: Any) -> list[tuple[str, str]]:
    """What was done, and with which token, the newest first."""
    return [(one["action"], one["token_name"]) for one in trail(api, **chosen)]


def usage(units: int, **more: Any) -> dict[str, Any]:
    return {
        "name": "api_usage",
        "external_customer_id": "user_1",
        "metadata": {"units": units},
        **more,
    }


def test_whatever_a_person_does_is_told_with_the_name_of_the_token(api: Api) -> None:
    ada = named(api, "Ada")
    meter_id = ada.meter()
    customer_id = ada.customer("one@example.com", external_id="user_1")
    ada.patch(f"/v1/meters/{meter_id}", {"name": "Renamed"})
    ada.patch(f"/v1/customers/{customer_id}", {"name": "One"})
    thresholds = [{"available_credits": 5}, {"percent": 10}]
    own = f"/v1/customer-meters/{customer_id}.{meter_id}/thresholds"
    assert ada.put(own, {"thresholds": thresholds}).status == 200
    assert ada.put(own, {"thresholds": None}).status == 200
    assert ada.patch(f"/v1/meters/{meter_id}", {"thresholds": thresholds}).status == 200
    plain = ada.post("/v1/credits/grants", usage(10)).body
    lot = ada.post("/v1/credits/grants", usage(5, expires_in_seconds=900, note="gift")).body
    ada.post(f"/v1/credits/grants/{lot['id']}/void", {})
    spent = ada.post("/v1/credits/spend", usage(3, external_id="s1")).body
    refund = ada.post("/v1/credits/refunds", {"event_id": spent["id"], "units": 1, "reason": "bad"})
    assert refund.status == 200, refund.body
    assert ada.post(f"/v1/events/{plain['id']}/void", {}).status == 200
    made = ada.post("/v1/tokens/", {"name": "reader", "scopes": ["meters:read"]}).body
    ada.delete(f"/v1/tokens/{made['id']}")
    hook = {
        "url": "https://example.com/secret-path",
        "events": ["customer.created"],
        "name": "Hook",
    }
    endpoint = f"/v1/webhooks/endpoints/{ada.post('/v1/webhooks/endpoints', hook).body['id']}"
    assert ada.patch(endpoint, {"enabled": False, "name": "Old"}).status == 200
    assert ada.patch(endpoint, {"enabled": False}).status == 200
    assert ada.patch(f"{endpoint}/secret", {}).status == 200
    assert ada.delete(endpoint).status == 204
    ada.patch(f"/v1/meters/{meter_id}", {"is_archived": True})
    ada.patch(f"/v1/meters/{meter_id}", {"is_archived": False})
    ada.delete(f"/v1/customers/{customer_id}")

    mine = [action for action, name in told(api) if name == "Ada"][::-1]

    assert mine == [
        "meter.created",
        "customer.created",
        "meter.changed",
        "customer.changed",
        "thresholds.changed",
        "thresholds.changed",
        "meter.changed",
        "grant.created",
        "grant.created",
        "grant.voided",
        "event.refunded",
        "event.voided",
        "token.created",
        "token.revoked",
        "webhook_endpoint.created",
        "webhook_endpoint.changed",
        "webhook_endpoint.secret_reset",
        "webhook_endpoint.deleted",
        "meter.archived",
        "meter.brought_back",
        "customer.deleted",
    ]
    (gift,) = trail(api, action="grant.created", subject_id=lot["id"])
    assert gift["details"] == {
        "customer_id": customer_id,
        "meter_id": meter_id,
        "units": 5,
        "note": "gift",
    }
    assert ("token.created", "operator") in told(api), "the first token, by the command line"
    changes = [one["details"]["changed"] for one in trail(api, action="meter.changed")]
    assert changes == ["thresholds", "name"]
    theirs, mine_again = (one["details"] for one in trail(api, action="thresholds.changed"))
    assert (theirs["own"], mine_again["own"]) == (False, True)
    assert mine_again["thresholds"] == "available_credits:5, percent:10"
    (hooked,) = trail(api, action="webhook_endpoint.changed")
    assert hooked["details"] == {"name": "Old", "changed": "name, enabled"}
    for private in ("one@example.com", "secret-path", "whsec_"):
        assert private not in exact.write(trail(api)).decode()


def test_what_was_not_done_is_not_told_and_what_is_done_again_is_told_once(api: Api) -> None:
    api.meter()
    api.customer("one@example.com", external_id="user_1")
    before = told(api)
    assert api.post("/v1/customers/", {"email": "one@example.com"}).status == 422
    assert api.post("/v1/meters/", {"name": "x"}).status == 422
    assert api.patch("/v1/meters/none", {"name": "None"}).status == 404
    for _ in range(3):
        grant = usage(10, external_id="g1", expires_in_seconds=900)
        assert api.post("/v1/credits/grants", grant).status == 200
    assert told(api) == [("grant.created", ""), *before]


def test_usage_is_not_told_and_costs_nothing_more(api: Api) -> None:
    api.meter()
    before = told(api)
    with faults(api.store.client) as calls:
        api.ingest(usage(1), usage(-5))
    api.post("/v1/credits/spend", usage(1))
    assert told(api) == before
    assert "#ACTIVITY" not in str([call.parameters for call in calls.made])


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER])
def test_a_grant_and_what_is_told_of_it_are_there_together_or_not_at_all(
    api: Api, fault: Fault
) -> None:
    meter_id = api.meter()
    customer_id = api.customer("one@example.com", external_id="user_1")
    grants = 0
    for number in range(3):
        grant = usage(10, external_id=f"g{number}", expires_in_seconds=900)
        with without_pauses(), faults(api.store.client, nth_write(0, fault)), suppress(Crash):
            api.post("/v1/credits/grants", grant)
        restart_handlers()
        grants = len(trail(api, action="grant.created"))
        assert api.balances(customer_id).get(meter_id, 0) == -10 * grants
    assert grants == (0 if fault is Fault.DIE_BEFORE else 3)


@pytest.mark.parametrize("fault", [Fault.DIE_BEFORE, Fault.DIE_AFTER, Fault.TIMEOUT_AFTER])
def test_an_endpoint_and_thresholds_and_what_is_told_of_them_are_there_together_or_not_at_all(
    api: Api, fault: Fault
) -> None:
    meter_id = api.meter()
    customer_id = api.customer("one@example.com")
    hook = {"url": "https://example.com/", "events": ["customer.created"]}
    own = f"/v1/customer-meters/{customer_id}.{meter_id}/thresholds"
    assert api.put(own, {"thresholds": []}).status == 200
    kept = api.post("/v1/webhooks/endpoints", hook).body["id"]

    def interrupted(call: Callable[[], object]) -> None:
        with without_pauses(), faults(api.store.client, nth_write(0, fault)), suppress(Crash):
            call()
        restart_handlers()

    interrupted(lambda: api.post("/v1/webhooks/endpoints", hook))
    interrupted(lambda: api.put(own, {"thresholds": [{"percent": 5}]}))
    interrupted(lambda: api.patch(f"/v1/webhooks/endpoints/{kept}/secret", {}))
    interrupted(lambda: api.delete(f"/v1/webhooks/endpoints/{kept}"))

    done = fault is not Fault.DIE_BEFORE
    ids = {one["id"] for one in api.get("/v1/webhooks/endpoints").body["items"]}
    assert (len(ids), kept in ids) == (1, not done)
    assert bool(api.get(own).body["thresholds"]) is done
    assert len(trail(api, action="webhook_endpoint.created")) == 1 + done
    assert len(trail(api, action="webhook_endpoint.secret_reset")) == done
    assert len(trail(api, action="webhook_endpoint.deleted")) == done
    assert len(trail(api, action="thresholds.changed")) == 1 + done


def test_a_time_that_ends_before_it_begins_has_nothing(api: Api) -> None:
    api.customer("one@example.com")
    backwards = {
        "start_timestamp": "2999-01-01T00:00:00Z",
        "end_timestamp": "2020-01-01T00:00:00Z",
    }
    assert trail(api, **backwards) == []
    assert len(api.get("/v1/activity/export", **backwards).text.splitlines()) == 1


def test_what_was_done_is_listed_in_pages_and_chosen_by_time(api: Api) -> None:
    for number in range(5):
        api.customer(f"{number}@example.com")
    everything = trail(api)
    first, second = (api.get("/v1/activity/", limit=3, page=page).body["items"] for page in (1, 2))
    assert [*first, *second] == everything[:6]
    assert api.get("/v1/activity/", limit=3).body["pagination"]["total_count"] == len(everything)
    middle = everything[2]["timestamp"]
    assert trail(api, start_timestamp=middle) == everything[:3]
    assert trail(api, end_timestamp=middle) == everything[3:]
    assert trail(api, action=["customer.created", "token.created"]) == everything


def test_what_was_done_is_exported(api: Api) -> None:
    api.customer("one@example.com")
    reply = api.get("/v1/activity/export")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert reply.headers["Content-Type"] == activity.MEDIA_TYPE
    assert [row["id"] for row in rows] == [one["id"] for one in trail(api)]
    assert rows[0]["action"] == "customer.created"


def test_the_trail_takes_its_own_scope_and_shows_no_other_organizations(
    api: Api, new_api: Callable[[], Api]
) -> None:
    other = new_api()
    other.customer("theirs@example.com")
    assert "customer.created" not in [action for action, _ in told(api)]
    reader = named(api, "reader", "tokens:read")
    for path in ("/v1/activity/", "/v1/activity/export"):
        assert reader.get(path).status == 403
    assert named(api, "auditor", "activity:read").get("/v1/activity/").status == 200


@pytest.mark.parametrize(
    ("wrong", "place"),
    [({"action": "nothing"}, "action"), ({"start_timestamp": "soon"}, "start_timestamp")],
)
def test_what_makes_no_sense_is_refused(api: Api, wrong: dict[str, str], place: str) -> None:
    for path in ("/v1/activity/", "/v1/activity/export"):
        assert api.get(path, **wrong).problems() == {("query", place)}


# Dead letters.


def test_a_dead_letter_is_discarded_for_good_and_told(api: Api, queues: Queues) -> None:
    api.meter()
    bury(queues, message(api.organization_id, {"name": ""}), message(api.organization_id, usage(1)))
    first, second = listed(api)

    assert api.delete(f"/v1/dead-letters/{first['id']}").status == 204
    assert api.delete(f"/v1/dead-letters/{first['id']}").status == 404
    assert [letter["id"] for letter in listed(api)] == [second["id"]]
    (note,) = trail(api, action="dead_letter.discarded")
    assert note["subject_id"] == first["id"]
    assert api.post("/v1/dead-letters/redrive", {}).body["redriven"] == 1
    assert told(api)[0][0] == "dead_letters.redriven"


def test_nobody_discards_anothers_dead_letter(
    api: Api, new_api: Callable[[], Api], queues: Queues
) -> None:
    other = new_api()
    bury(queues, message(other.organization_id, usage(1)), Sent("nobody's", "{}"))
    (theirs,) = listed(other)
    assert api.delete(f"/v1/dead-letters/{theirs['id']}").status == 404
    assert len(listed(other)) == 1
