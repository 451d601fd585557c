"""Credits with terms, by hand: given, seen lot by lot, and gone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from aureon.access import organizations
from tests.e2e.conftest import NewPerson, Person, button, credits_left, shows
from tests.e2e.test_dashboard_access import AXE, faults, settle

WIDTHS = (390, 1_440)


def granting(person: Person) -> Page:
    """The form of a grant, with an amount, and with what is behind "More"."""
    person.api.meter()
    page = person.open(f"#/customers/{person.api.customer(name='Ada')}")
    button(page, "Grant credits").click()
    page.get_by_label("Amount").fill("100")
    page.get_by_text("More: expiry, priority, repeat").click()
    return page


def grants(person: Person) -> list[dict[str, Any]]:
    (customer,) = person.api.get("/v1/customers/")["items"]
    found: list[dict[str, Any]] = person.api.get("/v1/credits/grants", customer_id=customer["id"])[
        "items"
    ]
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_a_grant_that_expires_is_shown_with_what_is_left_and_until_when(
    new_person: NewPerson, width: int
) -> None:
    person = new_person(viewport={"width": width, "height": 900}, bypass_csp=True)
    page = granting(person)
    dialog = page.get_by_role("dialog")
    page.get_by_label("Good through").fill("2097-12-31")
    # In the browser's time zone: nobody has chosen another.
    expect(dialog.get_by_text("The rest expires at 1 Jan 2098, 00:00:00 CET.")).to_be_visible()
    page.get_by_label("Priority").fill("10")
    page.get_by_label("Note").fill("Promotion")
    expect(
        dialog.get_by_text("100 credits of API usage. Afterwards: 100 in credit")
    ).to_be_visible()
    if AXE.exists():
        page.evaluate(AXE.read_text())
        assert not faults(page)
    button(dialog, "Grant credits").click()

    expect(page.get_by_test_id("new-balance")).to_have_text("100 credits left")
    button(dialog, "Done").click()
    lot = page.get_by_test_id("lot")
    expect(lot).to_contain_text("100 of 100 left")
    expect(lot).to_contain_text("until 1 Jan 2098, 00:00:00")
    expect(lot).to_contain_text("priority 10")
    expect(page.get_by_test_id("next-expiry")).to_have_text(
        "100 credits will expire 1 Jan 2098, 00:00:00 CET."
    )
    (made,) = grants(person)
    assert (made["expires_at"], made["priority"], made["note"]) == (
        "2097-12-31T23:00:00.000000Z",
        10,
        "Promotion",
    )
    person.api.ingest(made["customer_id"], 40)
    page.reload()
    expect(lot).to_contain_text("60 of 100 left")
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if AXE.exists():
        page.evaluate(AXE.read_text())
        assert not faults(page)


def test_dates_are_in_the_organizations_time_zone_unless_a_person_chooses(person: Person) -> None:
    organizations.change(person.store.of(person.organization_id), time_zone="America/New_York")
    page = granting(person)
    page.get_by_label("Good through").fill("2097-12-31")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The rest expires at 1 Jan 2098, 00:00:00 GMT-5.")).to_be_visible()
    button(dialog, "Grant credits").click()
    button(dialog, "Done").click()
    expect(page.get_by_test_id("next-expiry")).to_contain_text("1 Jan 2098, 00:00:00 GMT-5")

    page.goto(page.url.partition("#")[0] + "#/settings")
    page.get_by_label("Time zone").select_option("UTC")
    page.go_back()

    expect(page.get_by_test_id("next-expiry")).to_contain_text("1 Jan 2098, 05:00:00 UTC")


def test_an_allowance_is_given_once_and_comes_again(person: Person) -> None:
    page = granting(person)
    dialog = page.get_by_role("dialog")
    page.get_by_label("Repeat").select_option("month")
    page.get_by_label("Next on").fill("2098-01-31")
    page.get_by_label("Times in all").fill("12")
    page.get_by_label("Carried over at most").fill("50")
    expect(dialog.get_by_text("100 credits of API usage, again and again.")).to_be_visible()
    button(dialog, "Grant credits").click()
    button(dialog, "Done").click()

    expect(page.get_by_test_id("lot")).to_contain_text("comes again")
    (made,) = grants(person)
    assert made["recurrence"] == {
        "every": "month",
        "timezone": "Europe/Berlin",
        "anchor": "2098-01-31T00:00:00",
        "left": 11,
        "units": None,
    }
    assert made["rollover"]["max_units"] == 50


def test_terms_that_make_no_sense_are_said_beside_their_fields(person: Person) -> None:
    page = granting(person)
    dialog = page.get_by_role("dialog")
    page.get_by_label("Good through").fill("2001-01-01")
    page.get_by_label("Priority").fill("101")
    button(dialog, "Grant credits").click()

    expect(dialog.get_by_text("A day to come, or today.")).to_be_visible()
    expect(dialog.get_by_text("A whole number from 0 to 100.")).to_be_visible()
    assert grants(person) == []


def test_what_has_gone_is_told_from_what_was_used(person: Person) -> None:
    person.api.meter()
    customer_id = person.api.customer()
    event = {"customer_id": customer_id, "name": "api_usage", "metadata": {"units": 10}}
    made = person.api.post("/v1/credits/grants", {**event, "expires_in_seconds": 86_400})
    person.api.ingest(customer_id, 4)
    person.api.post(f"/v1/credits/grants/{made['id']}/void", {})
    page = person.open(f"#/customers/{customer_id}")

    expect(credits_left(page)).to_have_text(shows("0 credits left"))
    minus = "\N{MINUS SIGN}"
    expect(page.locator(".sum")).to_have_text(
        f"10 granted {minus} 4 used {minus} 6 expired = 0 left"
    )
    page.get_by_text("6 credits expired").click()
    lapsed = page.get_by_test_id("lapsed")
    expect(lapsed).to_contain_text("6 credits of a grant of 10")
    expect(lapsed).to_contain_text("taken back")


def test_a_grant_is_of_its_meter_alone(person: Person) -> None:
    person.api.meter("Second")
    page = granting(person)
    button(page.get_by_role("dialog"), "Grant credits").click()

    expect(page.get_by_test_id("new-balance")).to_be_visible()
    (made,) = grants(person)
    assert [meter["meter_id"] for meter in person.api.meters_of(made["customer_id"])] == [
        made["meter_id"]
    ]
