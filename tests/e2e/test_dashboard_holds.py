"""Open holds on a customer's page: what they reserve, until when, and how one is ended by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import Person, button, credits_left, shows


def held(person: Person, *units: int) -> tuple[str, list[dict[str, Any]]]:
    """A customer with 100 credits, and a hold of so many units each."""
    person.api.meter()
    customer_id = person.api.customer(name="Ada", external_id="user_123")
    person.api.ingest(customer_id, -100)
    holds = [
        person.api.post(
            "/v1/credits/holds",
            {
                "customer_id": customer_id,
                "external_id": f"job/{number}",
                "name": "api_usage",
                "metadata": {"units": taken},
                "expires_in_seconds": 3_600,
            },
        )
        for number, taken in enumerate(units, start=1)
    ]
    return customer_id, holds


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Open holds, latest first").locator("tbody tr")


def status_of(person: Person, hold: dict[str, Any]) -> str:
    return str(person.api.get(f"/v1/credits/holds/{hold['id']}")["status"])


def test_open_holds_are_listed_saved_and_released(person: Person, tmp_path: Path) -> None:
    customer_id, holds = held(person, 30, 20)
    page = person.open(f"#/customers/{customer_id}")
    expect(rows(page)).to_have_count(2)
    expect(rows(page).first).to_contain_text("job/2")
    expect(rows(page).first).to_contain_text("20 credits")
    expect(rows(page).first).to_contain_text("in 59 minutes")
    with page.expect_download() as saved:
        button(page, "CSV").first.click()
    saved.value.save_as(tmp_path / "holds.csv")
    lines = (tmp_path / "holds.csv").read_text("utf-8-sig").splitlines()
    assert lines[0] == "Hold,Reserved,Placed,Expires"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["job/2", "20 credits"],
        ["job/1", "30 credits"],
    ]

    button(page, "End the hold job/1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("30 credits: goes back to the customer.")
    button(dialog, "Release the hold").click()

    expect(rows(page)).to_have_count(1)
    expect(credits_left(page)).to_have_text(shows("80 credits left"))
    assert [status_of(person, hold) for hold in holds] == ["released", "open"]
    expect(rows(page)).to_contain_text("job/2")


def test_who_has_open_holds_is_seen_among_the_balances_of_a_meter(
    person: Person, tmp_path: Path
) -> None:
    customer_id, _ = held(person, 30, 20)
    other = person.api.customer("other@example.com")
    person.api.ingest(other, -5)
    (meter,) = person.api.get("/v1/meters/")["items"]
    page = person.open(f"#/customers?meter={meter['id']}")
    balances = page.locator("tbody tr")
    expect(balances).to_have_count(2)
    expect(balances.filter(has_text="held")).to_have_count(1)
    expect(balances.filter(has_text="50 held")).to_contain_text("Ada")
    with page.expect_download() as saved:
        button(page, "CSV").click()
    saved.value.save_as(tmp_path / "balances.csv")
    header, *lines = (tmp_path / "balances.csv").read_text("utf-8-sig").splitlines()
    assert header.endswith(",Held")
    assert [line.rpartition(",")[2] for line in lines] == ["0", "50"]

    balances.filter(has_text="50 held").click()
    expect(rows(page)).to_have_count(2)
    assert customer_id in page.url


def test_a_hold_is_captured_by_hand_and_one_that_has_ended_says_so(person: Person) -> None:
    customer_id, (hold, other) = held(person, 30, 20)
    page = person.open(f"#/customers/{customer_id}")
    button(page, "End the hold job/1").click()
    dialog = page.get_by_role("dialog")
    button(dialog, "Capture").click()
    expect(dialog).to_contain_text("30 credits: counts as used.")
    button(dialog, "Capture the hold").click()
    expect(dialog).to_have_count(0)
    assert status_of(person, hold) == "captured"
    assert [meter["balance"] for meter in person.api.meters_of(customer_id)] == [-70]

    # Its caller captures it while somebody looks at it.
    button(page, "End the hold job/2").click()
    person.api.post(f"/v1/credits/holds/{other['id']}/capture", {})
    button(dialog, "Release the hold").click()
    expect(dialog.get_by_role("alert")).to_have_text("The hold was captured.")
    button(dialog, "Cancel").click()
    expect(page.get_by_role("heading", name="Open holds")).to_have_count(0)


def test_a_release_whose_answer_was_lost_is_done_once_when_it_is_tried_again(
    person: Person,
) -> None:
    customer_id, (hold,) = held(person, 30)
    page = person.open(f"#/customers/{customer_id}")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/release", lose)
    button(page, "End the hold job/1").click()
    dialog = page.get_by_role("dialog")
    button(dialog, "Release the hold").click()
    expect(dialog.get_by_role("alert")).to_have_text(shows("can't be reached"))
    page.unroute("**/release")
    button(dialog, "Release the hold").click()

    expect(dialog).to_have_count(0)
    assert status_of(person, hold) == "released"
    assert [meter["available_credits"] for meter in person.api.meters_of(customer_id)] == [100]


def test_who_may_only_read_holds_sees_them_and_why_they_stay(person: Person) -> None:
    customer_id, _ = held(person, 30)
    reader = person.with_token(person.token("customers:read", "meters:read", "credits:read"))
    page = reader.open(f"#/customers/{customer_id}")
    expect(rows(page)).to_have_count(1)
    button(page, "End the hold job/1").click(force=True)
    expect(page.locator(".announcements")).to_have_text(shows("lacks the scope credits:write"))
    expect(page.get_by_role("dialog")).to_have_count(0)
