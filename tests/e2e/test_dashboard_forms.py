"""The dashboard's forms: what is wrong is said at its field, and what is typed is only text."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Person, button, credits_left, heading, shows

# Runs where a text becomes markup or code, in an element, an attribute, or an address.
HOSTILE: Final = "\"'><img src=x onerror=hacked=1><script>hacked=1</script>{{7*7}}${7*7}"
ADDRESS: Final = "javascript:hacked=1"


def problem(page: Page, label: str) -> str:
    """What is said to be wrong with a field, as somebody hears it who does not see it."""
    field = page.get_by_role("dialog").get_by_label(re.compile(f"^{label}"))
    expect(field).to_have_attribute("aria-invalid", "true")
    return str(
        field.evaluate(
            "field => field.getAttribute('aria-describedby').split(' ')"
            ".map(id => document.getElementById(id).textContent).join(' ')"
        )
    )


def test_a_customers_email_is_checked_as_it_is_typed(person: Person) -> None:
    page = person.open("#/customers")
    button(page, "Add customer").first.click()
    email = page.get_by_role("dialog").get_by_label("Email")
    expect(email).to_be_focused()

    email.fill("user@")
    assert "not an email address yet" in problem(page, "Email")
    email.fill("user@example.com")
    expect(email).not_to_have_attribute("aria-invalid", "true")
    email.fill("")
    button(page.get_by_role("dialog"), "Add customer").click()
    assert "An email is required" in problem(page, "Email")
    expect(email).to_be_focused()


def test_what_the_api_refuses_of_a_customer_stands_at_its_field(person: Person) -> None:
    person.api.customer("taken@example.com", external_id="taken")
    page = person.open("#/customers")
    button(page, "Add customer").first.click()
    dialog = page.get_by_role("dialog")
    add = button(dialog, "Add customer")

    dialog.get_by_label("Email").fill("Taken@example.com")
    add.click()
    assert "taken@example.com" in problem(page, "Email").lower() or problem(page, "Email")
    dialog.get_by_label("Email").fill("user@-example-.com")
    add.click()
    assert problem(page, "Email")
    dialog.get_by_label("Email").fill("user@example.com")
    dialog.get_by_label("External ID").fill("taken")
    add.click()
    expect(dialog.get_by_label("External ID")).to_be_focused()
    assert problem(page, "External ID")
    dialog.get_by_label("External ID").fill("ends/state")
    add.click()
    assert "does not end" in problem(page, "External ID")
    dialog.get_by_label("External ID").fill("free")
    add.click()
    expect(heading(page, "user@example.com")).to_be_visible()


def test_a_meter_says_what_it_lacks(person: Person) -> None:
    page = person.open("#/meters/new")

    button(page, "Create meter").click()

    for said in (
        "A name has at least 3 characters.",
        "Complete the conditions",
        "Which property holds the number?",
    ):
        expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Kind of value").select_option("number")
    page.get_by_label("Value", exact=True).fill("2.5")
    expect(page.get_by_label("Value", exact=True)).to_have_attribute("aria-invalid", "true")


def test_a_meter_keeps_its_name_until_another_is_long_enough(person: Person) -> None:
    page = person.open(f"#/meters/{person.api.meter()}")
    button(page, "Edit").click()
    dialog = page.get_by_role("dialog")

    dialog.get_by_label("Name").fill("AP")
    assert "A name has at least 3 characters." in problem(page, "Name")
    button(dialog, "Save").click()
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("API")
    button(dialog, "Save").click()

    expect(heading(page, "API")).to_be_visible()


def test_a_grant_needs_an_amount_that_makes_sense(person: Person) -> None:
    person.api.meter()
    page = person.open(f"#/customers/{person.api.customer()}")
    button(page, "Grant credits").click()
    dialog = page.get_by_role("dialog")

    button(dialog, "Grant credits").click()
    assert "An amount is required" in problem(page, "Amount")
    for amount, said in {
        "ten": "This is not a number.",
        "0": "Grant more than 0.",
        "-5": "Grant more than 0.",
        "1e3": "This is not a number.",
        "10,5": "This is not a number.",
        "1234567890123456": "At most 15 digits before the decimal mark.",
        "0.1234567891": "At most 9 digits after the decimal mark.",
    }.items():
        dialog.get_by_label("Amount").fill(amount)
        assert said in problem(page, "Amount")
    dialog.get_by_label("Amount").fill("1,000.5")
    button(dialog, "Grant credits").click()
    expect(page.get_by_test_id("new-balance")).to_have_text("1,000.5 credits left")


def test_a_grant_finds_an_event_that_the_meters_filter_takes(person: Person) -> None:
    person.api.meter(
        "Particular",
        filter={
            "conjunction": "and",
            "clauses": [
                {"property": "name", "operator": "like", "value": "call"},
                {"property": "metadata.plan", "operator": "ne", "value": "free"},
                {
                    "conjunction": "or",
                    "clauses": [
                        {"property": "timestamp", "operator": "lt", "value": 0},
                        {"property": "priority", "operator": "gt", "value": 3},
                    ],
                },
            ],
        },
    )
    page = person.open(f"#/customers/{person.api.customer()}")
    button(page, "Grant credits").click()
    page.get_by_label("Amount").fill("10")

    button(page.get_by_role("dialog"), "Grant credits").click()

    expect(page.get_by_test_id("new-balance")).to_have_text("10 credits left")


def test_a_meter_that_takes_no_grant_says_so(person: Person) -> None:
    positive = {
        "conjunction": "and",
        "clauses": [{"property": "units", "operator": "gt", "value": 0}],
    }
    person.api.meter("Positive", filter=positive)
    person.api.meter("Calls", aggregation={"func": "count"})
    page = person.open(f"#/customers/{person.api.customer()}")
    button(page, "Grant credits").click()
    dialog = page.get_by_role("dialog")

    expect(dialog.get_by_role("option", name="Calls (sums nothing)")).to_be_disabled()
    dialog.get_by_label("Amount").fill("10")
    expect(dialog.get_by_role("alert")).to_have_text(shows("filter is too specific"))


def test_an_event_says_what_it_lacks(person: Person) -> None:
    page = person.open("#/events")
    button(page, "Add event").first.click()
    dialog = page.get_by_role("dialog")

    button(dialog, "Add event").click()
    assert "An event has a name." in problem(page, "Name")
    assert "Whose event is it?" in problem(page, "Customer")
    expect(dialog.get_by_text("“units” is not a number.")).to_be_visible()

    dialog.get_by_label("Name").fill("api_usage")
    dialog.get_by_label("Customer").fill("nobody_yet")
    expect(dialog.get_by_text("used as an external id")).to_be_visible()
    dialog.get_by_label("Key").fill("k" * 41)
    dialog.get_by_label("Value", exact=True).fill("3")
    button(dialog, "Add event").click()
    expect(dialog.get_by_role("alert").filter(has_text="A key has 1 to 40")).to_be_visible()
    dialog.get_by_label("Key").fill("units")
    button(dialog, "Entry").click()
    dialog.get_by_label("Key").last.fill("units")
    dialog.get_by_label("Value", exact=True).last.fill("4")
    button(dialog, "Add event").click()
    expect(dialog.get_by_text("“units” is there twice.")).to_be_visible()
    button(dialog, "Remove the entry").last.click()
    dialog.get_by_label("External ID").fill("order-1")
    button(dialog, "Add event").click()
    expect(dialog.get_by_text("1 event counted.")).to_be_visible()
    button(dialog, "Add event").click()
    expect(dialog.get_by_text("1 counted before under this id")).to_be_visible()


def test_an_event_is_its_customers_however_fast_and_by_whatever_they_are_named(
    person: Person,
) -> None:
    customer_id = person.api.customer("ada@example.com", external_id="user_123")
    page = person.open("#/events")
    button(page, "Add event").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("api_usage")
    dialog.get_by_label("Value", exact=True).fill("3")

    for named in ("Ada@Example.com", customer_id, "user_123"):
        dialog.get_by_label("Customer").fill(named)
        button(dialog, "Add event").click()
        expect(dialog.get_by_text("1 event counted.")).to_be_visible()

    assert len(person.api.get("/v1/events/", customer_id=customer_id)["items"]) == 3


def test_an_event_whose_number_is_text_says_that_it_counted_as_nothing(person: Person) -> None:
    person.api.meter()
    page = person.open("#/events")
    button(page, "Add event").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("api_usage")
    dialog.get_by_label("Customer").fill("nobody_yet")
    dialog.get_by_label("Kind of value").select_option("text")
    dialog.get_by_label("Value", exact=True).fill("3")

    button(dialog, "Add event").click()

    expect(dialog.get_by_text("1 event counted.")).to_be_visible()
    expect(dialog.get_by_role("alert")).to_contain_text("units is text")


def test_the_second_click_of_a_double_click_ingests_nothing(person: Person) -> None:
    page = person.open("#/events")
    button(page, "Add event").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("api_usage")
    dialog.get_by_label("Customer").fill("nobody_yet")
    dialog.get_by_label("Value", exact=True).fill("3")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    ingest = button(dialog, "Add event")

    ingest.click()
    expect(dialog.get_by_text("1 event counted.")).to_be_visible()
    ingest.dispatch_event("click", {"detail": 2})
    with page.expect_response("**/v1/events/ingest"):
        ingest.click()

    assert len([url for url in sent if url.endswith("/ingest")]) == 2


def test_an_event_may_have_a_time_as_the_clock_here_shows_it(person: Person) -> None:
    customer_id = person.api.customer(external_id="user_123")
    page = person.open("#/events")
    button(page, "Add event").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("api_usage")
    dialog.get_by_label("Customer").fill("user_123")
    dialog.get_by_label("Value", exact=True).fill("3")
    time = dialog.get_by_label("Time")

    # Only the day, as far as it is typed.
    time.press("1")
    button(dialog, "Add event").click()
    assert "Fill in the date and the time" in problem(page, "Time")
    time.fill("9999-07-01T12:30")
    button(dialog, "Add event").click()
    expect(time).to_be_focused()
    assert "A time is of a year" in problem(page, "Time")
    time.fill("2026-07-01T12:30")
    button(dialog, "Add event").click()

    expect(dialog.get_by_text("1 event counted.")).to_be_visible()
    (event,) = person.api.get("/v1/events/", customer_id=customer_id)["items"]
    assert event["timestamp"] == "2026-07-01T10:30:00.000000Z"


def test_a_token_says_what_it_lacks(person: Person) -> None:
    maker = person.with_token(person.token("tokens:write", "tokens:read", "meters:read"))
    page = maker.open("#/settings")
    button(page, "Create token").click()
    dialog = page.get_by_role("dialog")

    button(dialog, "Create token").click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose what the token may do.")
    expect(dialog.get_by_role("checkbox", name=re.compile("^meters:read"))).to_be_enabled()
    expect(dialog.get_by_role("checkbox", name="events:write")).to_be_disabled()


def test_a_form_is_filled_with_the_keyboard_alone_and_gives_the_focus_back(person: Person) -> None:
    page = person.open("#/customers")
    expect(page.get_by_text("No customers yet")).to_be_visible()
    expect(heading(page, "Customers")).to_be_focused()
    page.get_by_role("link", name="Skip to the content").press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    opener = button(page, "Add customer").first
    expect(opener).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Email")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("user@example.com")
    page.keyboard.press("Tab")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(heading(page, "Ada")).to_be_focused()


def test_what_is_typed_into_any_field_stays_a_text(person: Person) -> None:
    page = person.open()
    page.add_init_script("addEventListener('securitypolicyviolation', () => { hacked = 1 })")
    page.reload()

    page.goto(f"{person.service.url}/#/meters/new")
    page.get_by_label("Name", exact=True).fill(HOSTILE)
    page.get_by_label("Property", exact=True).fill("name")
    page.get_by_label("Value", exact=True).fill(HOSTILE)
    page.get_by_label("Of the property").fill(HOSTILE[:40])
    button(page, "Create meter").click()
    expect(heading(page, HOSTILE)).to_be_visible()

    page.goto(f"{person.service.url}/#/customers")
    page.get_by_label("Search customers").fill(HOSTILE)
    expect(page.get_by_text(f"Nobody matches “{HOSTILE}”")).to_be_visible()
    page.get_by_label("Search customers").fill("")
    button(page, "Add customer").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("user@example.com")
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_label("External ID").fill(ADDRESS)
    button(dialog, "Add customer").click()
    expect(heading(page, HOSTILE)).to_be_visible()
    button(page, "Grant credits").click()
    dialog.get_by_label("Amount").fill("10")
    dialog.get_by_label("Note").fill(HOSTILE)
    button(dialog, "Grant credits").click()
    button(dialog, "Done").click()
    expect(credits_left(page)).to_have_text(shows("10 credits left"))
    expect(page.get_by_role("link", name=HOSTILE[:40]).first).to_be_visible()

    page.goto(f"{person.service.url}/#/events")
    button(page, "Add event").first.click()
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_label("Customer").fill(HOSTILE)
    dialog.get_by_label("Key").fill(HOSTILE[:40])
    dialog.get_by_label("Kind of value").select_option("text")
    dialog.get_by_label("Value", exact=True).fill(HOSTILE)
    dialog.get_by_label("External ID").fill(HOSTILE)
    button(dialog, "Add event").click()
    expect(dialog.get_by_text("1 event counted.")).to_be_visible()
    button(dialog, "Close").last.click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    rows.first.get_by_role("link", name=HOSTILE[:40]).first.click()
    expect(heading(page, HOSTILE)).to_be_visible()
    page.get_by_text("As JSON").click()

    page.goto(f"{person.service.url}/#/settings")
    button(page, "Create token").click()
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_role("checkbox", name=re.compile("^meters:read")).check()
    button(dialog, "Create token").click()
    button(dialog, "I have copied it").click()
    expect(page.get_by_role("cell", name=HOSTILE[:40]).first).to_be_visible()

    page.goto(f"{person.service.url}/#/")
    expect(page.get_by_text("10 credits left")).to_be_visible()
    page.goto(f"{person.service.url}/#/{ADDRESS}/{HOSTILE}?query={HOSTILE}")
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("img, script:not([src])").count() == 0
