"""The organization's settings, tokens that are restricted, and the audit trail, by hand."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.e2e.conftest import Person, button, heading, shows

CURRENT = "/v1/organizations/current"
# Beside it stands a field that chooses one: "Choose the colour".
COLOUR = re.compile("^Colour")


def test_the_organizations_settings_are_changed_and_hold_at_once(person: Person) -> None:
    page = person.open("#/settings?open=organization")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Acme & Sons")
    dialog.get_by_label(COLOUR).fill("#3366FF")
    dialog.get_by_label("Time zone").select_option("America/New_York")
    dialog.get_by_label("Pages that may show the portal").fill(
        "https://app.example.com, http://localhost:3000"
    )
    dialog.get_by_label("Metadata that customers see").fill("model , project")
    button(dialog, "Save").click()

    expect(dialog).to_have_count(0)
    expect(page.get_by_text("#3366ff", exact=True)).to_be_visible()
    expect(page.locator(".organization")).to_have_text("Acme & Sons")
    # Dates are in its zone from now on.
    expect(page.get_by_text(shows("GMT-5")).or_(page.get_by_text(shows("GMT-4")))).to_be_visible()
    found = person.api.get(CURRENT)
    assert {name: found[name] for name in ("name", "colour", "time_zone", "origins")} == {
        "name": "Acme & Sons",
        "colour": "#3366ff",
        "time_zone": "America/New_York",
        "origins": ["https://app.example.com", "http://localhost:3000"],
    }
    assert found["portal_metadata_keys"] == ["model", "project"]

    button(page.locator(".card", has=page.get_by_text("Organization")), "Edit").click()
    dialog.get_by_label(COLOUR).fill("")
    button(dialog, "Save").click()
    expect(dialog).to_have_count(0)
    after = person.api.get(CURRENT)
    assert (after["colour"], after["origins"]) == (None, found["origins"])


def test_what_the_api_refuses_of_the_settings_stands_at_its_field(person: Person) -> None:
    page = person.open("#/settings?open=organization")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(" ")
    button(dialog, "Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("A name is required.")
    dialog.get_by_label("Name").fill("Acme")
    dialog.get_by_label(COLOUR).fill("red")
    dialog.get_by_label("Pages that may show the portal").fill("app.example.com")
    button(dialog, "Save").click()

    for label, said in {
        COLOUR: "A colour is written as #rrggbb, as in #3366ff.",
        re.compile("^Pages that may show"): "app.example.com is not an origin, such as "
        "https://app.example.com.",
    }.items():
        field = dialog.get_by_label(label)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(dialog.get_by_text(said)).to_be_visible()
    assert person.api.get(CURRENT)["modified_at"] is None


def test_somebody_elses_change_of_the_settings_is_shown_before_it_is_overwritten(
    person: Person,
) -> None:
    page = person.open("#/settings?open=organization")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(COLOUR).fill("#112233")
    person.api.client.patch(CURRENT, json={"name": "Acme Ltd"}).raise_for_status()

    button(dialog, "Save").click()
    expect(dialog.get_by_role("alert")).to_have_text(shows("Name: Acme Ltd"))
    button(dialog, "Save").click()

    expect(dialog).to_have_count(0)
    found = person.api.get(CURRENT)
    assert (found["name"], found["colour"]) == ("Acme Ltd", "#112233")


def test_a_change_of_the_settings_that_failed_can_be_sent_again(person: Person) -> None:
    page = person.open("#/settings?open=organization")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Acme Ltd")

    def fail(route: Route) -> None:
        if route.request.method == "PATCH":
            route.fulfill(status=503, json={"detail": "Not now."}, headers={"Retry-After": "1"})
        else:
            route.fallback()

    page.route(f"**{CURRENT}", fail)
    button(dialog, "Save").click()
    expect(dialog.get_by_role("alert")).to_have_text("Not now.")
    page.unroute(f"**{CURRENT}")
    button(dialog, "Save").click()
    expect(dialog).to_have_count(0)
    assert person.api.get(CURRENT)["name"] == "Acme Ltd"


def test_a_token_is_restricted_to_some_events(person: Person) -> None:
    meter_id = person.api.meter()
    page = person.open("#/settings?open=token")
    dialog = page.get_by_role("dialog")
    fields = dialog.get_by_role("group", name="Only some events")
    expect(fields).to_have_count(0)
    button(dialog, "Send events only").click()
    fields.get_by_label("Of these names").fill("image_usage")
    fields.get_by_label("API usage").check()
    dialog.get_by_label(re.compile("^Name")).fill("gateway")
    button(dialog, "Create token").click()

    expect(dialog.get_by_test_id("made-token")).to_be_visible()
    button(dialog, "I have copied it").click()
    row = page.get_by_role("table", name="Access tokens").get_by_role("row", name="gateway")
    expect(row).to_contain_text("only image_usage, API usage")
    (made,) = [one for one in person.api.get("/v1/tokens/")["items"] if one["name"] == "gateway"]
    assert made["restrict_to"] == {"event_names": ["image_usage"], "meter_ids": [meter_id]}


def test_a_token_has_a_limit_of_requests(person: Person) -> None:
    page = person.open("#/settings?open=token")
    dialog = page.get_by_role("dialog")
    button(dialog, "Read only").click()
    dialog.get_by_label(re.compile("^Name")).fill("reader")
    limit = dialog.get_by_label("Requests a second")
    limit.fill("2.5")
    button(dialog, "Create token").click()
    expect(dialog.get_by_role("alert")).to_have_text("A whole number from 1.")
    limit.fill("25")
    button(dialog, "Create token").click()

    expect(dialog.get_by_test_id("made-token")).to_be_visible()
    button(dialog, "I have copied it").click()
    row = page.get_by_role("table", name="Access tokens").get_by_role("row", name="reader")
    expect(row).to_contain_text("at most 25 requests a second")
    (made,) = [one for one in person.api.get("/v1/tokens/")["items"] if one["name"] == "reader"]
    assert made["requests_per_second"] == 25


def test_a_restriction_goes_with_the_scope_that_it_is_of(person: Person) -> None:
    page = person.open("#/settings?open=token")
    dialog = page.get_by_role("dialog")
    button(dialog, "Send events only").click()
    dialog.get_by_label("Of these names").fill("image_usage")
    dialog.get_by_label("events:read").check()
    button(dialog, "Create token").click()

    expect(dialog.get_by_test_id("made-token")).to_be_visible()
    (made, *_) = [
        one for one in person.api.get("/v1/tokens/")["items"] if "events:write" in one["scopes"]
    ]
    assert made["restrict_to"] is None


def test_the_audit_trail_has_a_page_of_its_own_and_leads_to_what_was_done(
    person: Person, tmp_path: Path
) -> None:
    person.api.meter()
    customer_id = person.api.customer(name="Ada", external_id="user_123")
    person.api.post(
        "/v1/credits/grants",
        {"customer_id": customer_id, "name": "api_usage", "metadata": {"units": 10}},
    )
    page = person.open("#/settings")
    page.get_by_role("link", name="All actions").click()
    expect(heading(page, "Who did what")).to_be_visible()
    rows = page.get_by_role("table", name="Who did what").locator("tbody tr")
    expect(rows.first).to_contain_text("Granted credits")
    expect(rows.first).to_contain_text("API usage")
    expect(rows.first).to_contain_text("mine")

    with page.expect_download() as saved:
        button(page, "CSV").click()
    saved.value.save_as(tmp_path / "activity.csv")
    lines = list(csv.DictReader((tmp_path / "activity.csv").read_text("utf-8-sig").splitlines()))
    assert [line["What"] for line in lines][:3] == [
        "grant.created",
        "customer.created",
        "meter.created",
    ]
    assert json.loads(lines[0]["details"])["units"] == 10

    page.get_by_label("Which actions").select_option("Created a customer")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").click()
    expect(heading(page, "Ada")).to_be_visible()


def test_who_may_not_read_the_settings_is_told_why(person: Person) -> None:
    reader = person.with_token(person.token("customers:read"))
    page = reader.open("#/settings")
    for scope in ("organizations:read", "tokens:read", "activity:read"):
        expect(page.get_by_text(f"Your token lacks the scope {scope}.")).to_be_visible()
