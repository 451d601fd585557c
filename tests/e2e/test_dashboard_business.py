"""Running a credits business: who runs dry, why a balance is what it is, what is owed, and back."""

from __future__ import annotations

import csv
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page, Route, expect

from tests.e2e.conftest import Person, button, choose, heading

SLOW_MILLISECONDS = 6_000
MANY = 30_000
REQUEST = 1_000
CUSTOMERS = 60


def ranked(page: Page) -> Any:
    return page.locator("tbody tr")


def seed(person: Person) -> tuple[str, list[str]]:
    """Four customers: over, empty, low and rich."""
    meter_id = person.api.meter(unit="custom", custom_label="pages")
    customers = {
        name: person.api.customer(f"{name}@example.com", name=name)
        for name in ("Over", "Empty", "Low", "Rich")
    }
    person.api.ingest(customers["Over"], 3)
    person.api.ingest(customers["Empty"], -14)
    person.api.ingest(customers["Empty"], 14)
    person.api.ingest(customers["Low"], -3)
    person.api.ingest(customers["Low"], 1)
    person.api.ingest(customers["Rich"], -900)
    return meter_id, list(customers.values())


def test_who_runs_dry_is_found_by_a_filter(person: Person) -> None:
    meter_id, _ = seed(person)
    page = person.open(f"#/customers?meter={meter_id}")
    rows = ranked(page)
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("Over")
    expect(rows.last).to_contain_text("Rich")

    button(page, "Empty 1").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Empty")
    button(page, "Over 1").click()
    expect(rows).to_contain_text("3 over")
    # An average customer used 18 / 4 pages in the week.
    button(page, "Low").click()
    expect(page.get_by_label("Low is at most")).to_have_value("5")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("14 days")
    page.get_by_label("Low is at most").fill("1,000")
    page.keyboard.press("Tab")
    expect(rows).to_have_count(2)
    page.reload()
    expect(rows).to_have_count(2)
    page.get_by_role("columnheader", name="Left (pages)").get_by_role("button").click()
    expect(rows.first).to_contain_text("Rich")


def test_a_statement_runs_to_the_balance_and_names_who_did_what(
    person: Person, tmp_path: Path
) -> None:
    meter_id = person.api.meter()
    ada = person.api.customer(name="Ada")
    event = {"customer_id": ada, "name": "api_usage"}
    given = {**event, "metadata": {"units": 10}, "external_id": "order-7", "note": "Order 7"}
    person.api.post("/v1/credits/grants", given)
    spent = {**event, "metadata": {"units": 4}, "external_id": "report-1"}
    person.api.post("/v1/credits/spend", spent)
    back = {"spend_external_id": "report-1", "units": 1, "reason": "A blank page"}
    person.api.post("/v1/credits/refunds", back)
    page = person.open(f"#/customers/{ada}")

    page.get_by_role("link", name="Statement").click()

    rows = page.get_by_role("table", name="Statement").get_by_role("row")
    expect(rows).to_have_count(4)
    for place, (what, by, ids, change, balance) in enumerate(
        (
            ("Order 7", "mine", "order-7", "+10", "10 in credit"),
            ("api_usage", "mine", "report-1", "\u22124", "6 in credit"),
            ("A blank page", "mine", "", "+1", "7 in credit"),
        ),
        1,
    ):
        for text in (what, by, ids, change, balance):
            expect(rows.nth(place)).to_contain_text(text)
    expect(page.get_by_test_id("statement-sum")).to_contain_text("At the end: 7 in credit")
    with page.expect_download() as saved:
        button(page, "CSV").click()
    saved.value.save_as(tmp_path / "statement.csv")
    lines = list(csv.DictReader((tmp_path / "statement.csv").read_text("utf-8-sig").splitlines()))
    assert [(line["kind"], line["actor"], line["note"]) for line in lines] == [
        ("grant", "mine", "Order 7"),
        ("usage", "mine", ""),
        ("refund", "mine", ""),
    ]
    page.get_by_label("Lines").select_option("day")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("7 in credit")
    page.get_by_label("To", exact=True).fill("2026-01-05")
    expect(page.get_by_text("Nothing changed the balance")).to_be_visible()
    assert meter_id in page.url


def used_event(person: Person, units: int, **more: Any) -> str:
    customer_id = person.api.customer(name="Ada")
    person.api.ingest(customer_id, -20)
    person.api.ingest(customer_id, units, **more)
    (event, *_) = person.api.get("/v1/events/", customer_id=customer_id)["items"]
    return str(event["id"])


def test_an_event_is_refunded_in_part_corrected_and_taken_back(person: Person) -> None:
    person.api.meter()
    event_id = used_event(person, 8)
    page = person.open(f"#/events/{event_id}")
    expect(page.get_by_test_id("effect")).to_have_text(
        "API usage 8 credits used · afterwards 12 in credit"
    )

    choose(page, "Refund")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("How much to give back").fill("9")
    expect(dialog.get_by_text("More than 0, and at most what it took.")).to_be_visible()
    dialog.get_by_label("How much to give back").fill("2")
    expect(dialog.get_by_test_id("echo")).to_have_text(
        "Gives back 2 credits of API usage. Afterwards: 14 in credit"
    )
    button(dialog, "Refund").click()
    expect(dialog.get_by_text("Say why")).to_be_visible()
    dialog.get_by_label("Reason").fill("Two were broken")
    button(dialog, "Refund").click()
    expect(dialog).to_contain_text("Given back: 2 credits. Afterwards: 14 in credit")
    button(dialog, "Done").click()
    refunds = page.get_by_test_id("refund")
    expect(refunds).to_contain_text("Two were broken · by mine")

    choose(page, "Correct")
    dialog.get_by_label("What it should have taken").fill("5")
    # Six are still taken: two went back.
    expect(dialog.get_by_test_id("echo")).to_contain_text("Gives back 1 credit of API usage.")
    dialog.get_by_label("Reason").fill("Counted twice")
    button(dialog, "Correct").click()
    expect(dialog).to_contain_text("Given back: 1 credit. Afterwards: 15 in credit")
    button(dialog, "Done").click()

    choose(page, "Take back")
    dialog.get_by_label("Reason").fill("Never happened")
    button(dialog, "Take back").click()
    expect(dialog).to_contain_text("Given back: 5 credits. Afterwards: 20 in credit")
    button(dialog, "Done").click()
    expect(refunds).to_have_count(3)
    expect(refunds.last).to_contain_text("Never happened · by mine")
    expect(button(page, "More actions")).to_have_count(0)


def test_what_is_owed_is_told_by_meter_and_day(person: Person, tmp_path: Path) -> None:
    person.api.meter()
    event_id = used_event(person, 8)
    person.api.post("/v1/credits/refunds", {"event_id": event_id, "units": 3})
    page = person.open("#/liability")

    total = page.get_by_role("table", name="What is owed by meter").get_by_role("row").nth(1)
    days = page.get_by_role("table", name="What is owed by day").get_by_role("row")
    for row in (total, days.nth(1)):
        for cell in ("20", "5", "3"):
            expect(row.get_by_role("cell", name=cell, exact=True)).to_be_visible()
    expect(days).to_have_count(31)
    with page.expect_download() as saved:
        button(page, "CSV").last.click()
    saved.value.save_as(tmp_path / "liability.csv")
    first = (tmp_path / "liability.csv").read_text("utf-8-sig").splitlines()[1]
    assert first.split(",")[1:5] == ["20", "5", "0", "3"]


def test_names_are_found_without_their_accents(person: Person) -> None:
    person.api.customer(name="Ångström & Söhne")
    page = person.open("#/")
    page.keyboard.press("/")
    page.get_by_label("Search everything").fill("angstrom & sohne")
    found = page.get_by_role("listbox", name="Found").get_by_role("option")
    expect(found).to_contain_text("Ångström & Söhne")
    page.keyboard.press("Enter")
    expect(heading(page, "Ångström & Söhne")).to_be_visible()


def let_go(held: list[Route]) -> None:
    """Let requests through; some may have been handled meanwhile."""
    while held:
        with suppress(Error):
            held.pop().continue_()


def test_thirty_thousand_events_are_seen_however_slow_the_answers_are(person: Person) -> None:
    """A week of them, of 60 customers: each page shows, and asks a bounded number of questions."""
    meter_id = person.api.meter()
    customers = [
        person.api.customer(f"{number}@example.com", name=f"Customer {number:02}")
        for number in range(CUSTOMERS)
    ]
    week = datetime.now(UTC) - timedelta(days=6, hours=20)
    for first in range(0, MANY, REQUEST):
        hour = week + timedelta(hours=5 * (first // REQUEST))
        events = [
            {
                "name": "api_usage",
                "customer_id": customers[number % CUSTOMERS],
                "timestamp": (hour + timedelta(seconds=number)).isoformat(),
                "metadata": {"units": 1 if number % 500 else -400},
            }
            for number in range(REQUEST)
        ]
        person.api.post("/v1/events/ingest", {"events": events})
    page = person.open("#/")
    expect(page.locator(".tile", has_text="all time")).to_have_text(
        "Events, all time 30,000", timeout=300_000
    )
    held: list[Route] = []
    given_up: list[str] = []
    page = person.context.new_page()
    page.clock.install()
    page.on("requestfailed", lambda request: given_up.append(request.url))
    for name, address, text in (
        ("Overview", "#/", "30,000"),
        ("Events", "#/events?time=168", "Page 1 of"),
        ("Customers", f"#/customers?meter={meter_id}", "Customer 0"),
        ("Customer 01", f"#/customers/{customers[1]}", "left"),
        ("Statement", f"#/customers/{customers[1]}/statement/{meter_id}", "At the end"),
        ("API usage", f"#/meters/{meter_id}", "used"),
        ("Liability", "#/liability", "API usage"),
    ):
        page.goto("about:blank")
        given_up.clear()
        page.route("**/v1/**", lambda route: held.append(route))
        page.goto(f"{person.service.url}/{address}")
        shown = page.locator("main", has_text=text)
        for _ in range(5_000):
            if heading(page, name).count() and shown.count():
                break
            if held:
                page.clock.fast_forward(SLOW_MILLISECONDS)
                let_go(held)
            page.evaluate("new Promise(requestAnimationFrame)")
        expect(heading(page, name)).to_be_visible()
        expect(shown).to_be_visible()
        assert not given_up, name
        page.unroute("**/v1/**")
        let_go(held)
