"""Webhooks by hand: endpoints, what came of their deliveries, and why one gets nothing any more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect
from standardwebhooks.webhooks import Webhook

from aureon.webhooks import endpoints
from tests.e2e.conftest import Person, button, choose, heading, shows
from tests.support.webhook_deliveries import Receiver, receiver, status

# Deliveries are made in the background, and the page asks for them every few seconds.
ARRIVES_MILLISECONDS = 40_000
MOST_LOOKS = 1_000


def endpoint_of(person: Person, url: str, *events: str) -> str:
    body = {"url": url, "name": "Billing", "events": events or ("customer.created",)}
    return str(person.api.post("/v1/webhooks/endpoints", body)["id"])


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Deliveries, latest first").locator("tbody tr")


def wait_until(reached: Callable[[], bool], person: Person) -> None:
    """Look until something that comes by itself is there; each look is a request."""
    for _ in range(MOST_LOOKS):
        if reached():
            return
        person.api.get("/v1/webhooks/endpoints")
    raise AssertionError("it never came")


def type_of(received: Receiver, place: int) -> Any:
    return json.loads(received.received[place].body)["type"]


def test_an_endpoint_is_made_its_secret_verifies_and_a_delivery_is_sent_again(
    person: Person,
) -> None:
    with receiver() as received:
        page = person.open("#/settings")
        page.get_by_role("link", name="Endpoints and deliveries").click()
        expect(page.get_by_text("No endpoints yet")).to_be_visible()
        button(page, "Add endpoint").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Address").fill(received.url)
        dialog.get_by_label("Name").fill("Billing")
        dialog.get_by_label("customer.created").check()
        button(dialog, "Add endpoint").click()
        secret = dialog.get_by_test_id("secret").locator("code").inner_text()
        assert secret.startswith("whsec_")
        button(dialog, "Done").click()
        page.get_by_role("link", name="Billing").click()
        expect(heading(page, "Billing")).to_be_visible()
        expect(page.get_by_text("Nothing was sent")).to_be_visible()

        person.api.customer()
        expect(rows(page)).to_have_count(1, timeout=ARRIVES_MILLISECONDS)
        expect(rows(page)).to_contain_text("customer.created")
        expect(rows(page)).to_contain_text("200")
        expect(rows(page)).to_contain_text("thanks")
        button(rows(page), "customer.created").click()
        expect(dialog.get_by_text('"type": "customer.created"')).to_be_visible()
        button(dialog, "Send again").click()
        expect(dialog).to_have_count(0)
        expect(rows(page)).to_have_count(2, timeout=ARRIVES_MILLISECONDS)

        first, again = received.received
        assert first.headers["webhook-id"] == again.headers["webhook-id"]
        for one in (first, again):
            Webhook(secret.encode()).verify(one.body, dict(one.headers))
        button(page, "Show the secret").click()
        expect(page.get_by_text(secret)).to_be_visible()


def test_what_failed_shows_its_answer_and_arrives_once_it_is_sent_again(person: Person) -> None:
    with receiver() as received:
        received.respond = status(500, "out of order")
        page = person.open(f"#/webhooks/{endpoint_of(person, received.url)}")
        person.api.customer()
        page.get_by_role("link", name="Failed").click()
        expect(rows(page).first).to_contain_text("500", timeout=ARRIVES_MILLISECONDS)
        expect(rows(page).first).to_contain_text("out of order")

        received.respond = status(202, "thanks")
        # Its repetition may come meanwhile: either way it arrives.
        button(rows(page).first, "customer.created").click()
        dialog = page.get_by_role("dialog")
        button(dialog, "Send again").click()
        page.get_by_role("link", name="Arrived").click()
        expect(rows(page).first).to_contain_text("202", timeout=ARRIVES_MILLISECONDS)
        page.get_by_role("link", name="Failed").click()
        button(rows(page).first, "customer.created").click()
        expect(dialog.get_by_text("It has arrived since.")).to_be_visible()
        assert type_of(received, 0) == "customer.created"


def test_an_endpoint_that_is_gone_says_so_everywhere_until_it_is_enabled(person: Person) -> None:
    with receiver() as received:
        received.respond = status(410)
        endpoint_id = endpoint_of(person, received.url)
        person.api.customer()
        path = f"/v1/webhooks/endpoints/{endpoint_id}"
        wait_until(lambda: not person.api.get(path)["enabled"], person)
        page = person.open()
        said = page.get_by_text("The endpoint Billing failed, and no longer gets webhooks.")
        expect(said).to_be_visible()
        page.get_by_role("link", name="Look").click()
        expect(page.get_by_text("It answered that it is gone (410)")).to_be_visible()
        page.get_by_role("link", name="Webhooks").click()
        expect(page.get_by_role("table", name="Endpoints")).to_contain_text("disabled: it failed")
        page.go_back()

        button(page, "Enable").click()
        expect(page.get_by_text("It answered that it is gone (410)")).to_have_count(0)
        assert person.api.get(path)["enabled"]
        choose(page, "Disable")
        expect(button(page, "Enable")).to_be_visible()
        assert not person.api.get(path)["enabled"]


def test_an_endpoint_that_failed_for_days_says_since_when_it_gets_nothing(person: Person) -> None:
    endpoint_id = endpoint_of(person, "http://127.0.0.1:9/")
    endpoints.disable(person.store.of(person.organization_id), endpoint_id, "failing")
    page = person.open("#/webhooks")
    said = shows("Billing: It failed for three days, and was disabled at ")
    expect(page.get_by_role("alert")).to_have_text(said)


def test_an_endpoint_is_changed_gets_a_new_secret_and_is_deleted(person: Person) -> None:
    endpoint_id = endpoint_of(person, "http://127.0.0.1:9/")
    path = f"/v1/webhooks/endpoints/{endpoint_id}"
    before = person.api.get(path)
    page = person.open(f"#/webhooks/{endpoint_id}")
    button(page, "Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address").fill("ftp://example.com")
    button(dialog, "Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("An address begins with https://.")
    # What the API refuses stands at its field.
    dialog.get_by_label("Address").fill("http://10.0.0.1/")
    button(dialog, "Save").click()
    expect(dialog.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Address").fill("http://127.0.0.1:10/")
    dialog.get_by_label("credits.low").check()
    button(dialog, "Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("http://127.0.0.1:10/", exact=True)).to_be_visible()
    changed = person.api.get(path)
    assert (changed["events"], changed["name"]) == (["customer.created", "credits.low"], "Billing")

    choose(page, "New secret")
    button(dialog, "Make a new secret").click()
    secret = dialog.get_by_test_id("secret").locator("code").inner_text()
    assert person.api.get(path)["secret"] == secret != before["secret"]
    button(dialog, "Done").click()

    choose(page, "Delete")
    button(dialog, "Delete endpoint").click()
    expect(page.get_by_text("No endpoints yet")).to_be_visible()
    assert person.api.get("/v1/webhooks/endpoints")["items"] == []


def test_a_delivery_that_could_not_be_asked_for_again_says_so(person: Person) -> None:
    with receiver() as received:
        page = person.open(f"#/webhooks/{endpoint_of(person, received.url)}")
        person.api.customer()
        expect(rows(page)).to_have_count(1, timeout=ARRIVES_MILLISECONDS)
        button(rows(page), "customer.created").click()
        dialog = page.get_by_role("dialog")

        def refuse(route: Route) -> None:
            route.fulfill(status=503, json={"detail": "Not now."}, headers={"Retry-After": "1"})

        page.route("**/redeliver", refuse)
        button(dialog, "Send again").click()
        expect(dialog.get_by_role("alert")).to_have_text("Not now.")


def test_who_may_not_read_webhooks_is_told_why(person: Person) -> None:
    endpoint_of(person, "http://127.0.0.1:9/")
    reader = person.with_token(person.token("customers:read"))
    page = reader.open("#/webhooks")
    expect(page.get_by_text("Your token lacks the scope webhooks:read.")).to_be_visible()
