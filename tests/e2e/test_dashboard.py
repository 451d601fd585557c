"""The dashboard, used by hand: a person who never calls the API runs a credits business."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from aureon.core import times
from tests.e2e.conftest import Person, button, choose, credits_left, go_to, heading, shows
from tests.support.documents import RUNNERS, SDKS, Stage
from tests.support.local_service import Run


def test_the_guide_is_done_by_hand_from_a_meter_to_seven_credits_left(person: Person) -> None:
    page = person.open()
    expect(page.get_by_text("Get started")).to_be_visible()

    page.get_by_role("link", name="Create a meter").click()
    page.get_by_label("Name", exact=True).fill("API usage")
    page.get_by_label("Value", exact=True).fill("api_usage")
    page.get_by_label("Of the property").fill("units")
    button(page, "Create meter").click()
    expect(heading(page, "API usage")).to_be_visible()

    go_to(page, "Customers")
    button(page, "Add customer").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("user@example.com")
    dialog.get_by_label("Name").fill("John Doe")
    dialog.get_by_label("External ID").fill("user_123")
    button(dialog, "Add customer").click()
    expect(heading(page, "John Doe")).to_be_visible()

    button(page, "Grant credits").click()
    dialog.get_by_label("Amount").fill("10")
    dialog.get_by_label("Note").fill("Order 1042")
    button(dialog, "Grant credits").click()
    expect(page.get_by_test_id("new-balance")).to_have_text("10 credits left")
    expect(dialog.locator(":focus")).to_contain_text("10 credits granted to John Doe.")
    button(dialog, "Done").click()
    expect(credits_left(page)).to_have_text(shows("10 credits left"))

    go_to(page, "Events")
    button(page, "Add event").first.click()
    dialog.get_by_label("Name").fill("api_usage")
    dialog.get_by_label("Customer").fill("user_123")
    expect(dialog.get_by_text("John Doe, user@example.com")).to_be_visible()
    dialog.get_by_label("Value", exact=True).fill("3")
    button(dialog, "Add event").click()
    expect(dialog.get_by_text("1 event counted.")).to_be_visible()
    button(dialog, "Close").last.click()

    page.get_by_role("link", name="John Doe").first.click()
    expect(credits_left(page)).to_have_text(shows("7 credits left"))
    expect(page.locator(".sum")).to_have_text("10 granted \N{MINUS SIGN} 3 used = 7 left")


def test_an_event_can_be_looked_at_with_all_that_it_says(person: Person) -> None:
    customer_id = person.api.customer(name="Ada", external_id="user_1")
    person.api.ingest(customer_id, 3, plan="pro", trial=False)
    page = person.open("#/events")

    page.get_by_role("link", name="api_usage").click()

    expect(heading(page, "api_usage")).to_be_visible()
    expect(page.get_by_role("link", name="Ada")).to_be_visible()
    for key, value in {"units": "3", "plan": "pro", "trial": "false"}.items():
        expect(page.locator(".metadata > div", has_text=key)).to_have_text(key + value)


# How often to look whether something is there that comes by itself.
MOST_LOOKS = 1_000


@pytest.fixture
def granting(person: Person) -> Page:
    """The page of a customer, with an amount written into the form of a grant."""
    person.api.meter()
    page = person.open(f"#/customers/{person.api.customer()}")
    button(page, "Grant credits").click()
    page.get_by_label("Amount").fill("10")
    return page


def granted(person: Person) -> list[Any]:
    (customer,) = person.api.get("/v1/customers/")["items"]
    return [meter["granted_units"] for meter in person.api.meters_of(customer["id"])]


GRANT = "**/v1/credits/grants"
NEVER = {"property": "name", "operator": "eq", "value": "never"}


def test_a_double_click_grants_once(person: Person, granting: Page) -> None:
    sent: list[Route] = []
    granting.route(GRANT, lambda route: sent.append(route))
    dialog = granting.get_by_role("dialog")

    # Both clicks, and the Enter key, come before there is any answer.
    with granting.expect_request(GRANT):
        submit = dialog.locator("button[type=submit]")
        submit.evaluate("button => { button.click(); button.click(); }")
        granting.get_by_label("Amount").press("Enter")
    while not sent:
        granting.evaluate("new Promise(requestAnimationFrame)")
    sent[0].continue_()

    expect(granting.get_by_test_id("new-balance")).to_have_text("10 credits left")
    assert (len(sent), granted(person)) == (1, [10])


def answer_is_lost(route: Route) -> None:
    route.fetch()
    route.abort()


def test_a_grant_whose_answer_was_lost_counts_once_when_it_is_tried_again(
    person: Person, granting: Page
) -> None:
    granting.route(GRANT, answer_is_lost, times=1)
    dialog = granting.get_by_role("dialog")

    button(dialog, "Grant credits").click()
    expect(dialog.get_by_role("alert")).to_have_text(shows("It is safe to try again"))
    assert granted(person) == [10]
    button(dialog, "Grant credits").click()

    expect(granting.get_by_test_id("new-balance")).to_have_text("10 credits left")
    assert granted(person) == [10]


def test_another_amount_after_a_lost_answer_does_not_grant_twice(
    person: Person, granting: Page
) -> None:
    granting.route(GRANT, answer_is_lost, times=1)
    dialog = granting.get_by_role("dialog")
    button(dialog, "Grant credits").click()
    expect(dialog.get_by_role("alert")).to_be_visible()

    granting.get_by_label("Amount").fill("15")
    button(dialog, "Grant credits").click()

    expect(dialog.get_by_text("An earlier attempt from this form was counted")).to_be_visible()
    assert granted(person) == [10]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_reload_in_the_middle_of_a_grant_neither_loses_nor_doubles_it(
    person: Person, granting: Page, arrived: bool
) -> None:
    seen: list[Route] = []

    def hold(route: Route) -> None:
        if arrived:
            route.fetch()
        seen.append(route)

    granting.route(GRANT, hold, times=1)
    with granting.expect_request(GRANT):
        button(granting.get_by_role("dialog"), "Grant credits").click()
    granting.wait_for_function("() => true")
    granting.reload()

    expect(granting.get_by_text("its answer never came")).to_be_visible()
    button(granting, "Finish the grant").click()

    expect(credits_left(granting)).to_have_text(shows("10 credits left"))
    assert granted(person) == [10]
    expect(granting.get_by_text("its answer never came")).to_be_hidden()


def test_a_reload_keeps_the_page_and_the_session(person: Person) -> None:
    page = person.open(f"#/customers/{person.api.customer(name='Ada')}")
    expect(heading(page, "Ada")).to_be_visible()

    page.reload()

    expect(heading(page, "Ada")).to_be_visible()


def test_a_new_tab_is_signed_in_shows_the_same_and_signs_out_with_the_others(
    person: Person,
) -> None:
    person.api.meter()
    customer_id = person.api.customer()
    one = person.open(f"#/customers/{customer_id}")
    other = person.open(f"#/customers/{customer_id}", signed_in=False)
    expect(heading(other, "user@example.com")).to_be_visible()

    button(one, "Grant credits").click()
    one.get_by_label("Amount").fill("10")
    button(one.get_by_role("dialog"), "Grant credits").click()
    expect(one.get_by_test_id("new-balance")).to_have_text("10 credits left")
    button(one.get_by_role("dialog"), "Done").click()

    expect(credits_left(other)).to_have_text(shows("10 credits left"))
    button(one, "Sign out").click()
    for page in (one, other, person.open(signed_in=False)):
        expect(heading(page, "Sign in")).to_be_visible()


def test_signing_out_forgets_everything_of_the_session(person: Person) -> None:
    page = person.open()
    assert person.service.token in page.evaluate("Object.values(sessionStorage)")

    button(page, "Sign out").click()

    expect(heading(page, "Sign in")).to_be_visible()
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    page.reload()
    expect(heading(page, "Sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "Paste your access token here."),
        ("two words", "An access token has no spaces"),
        ("aureon_oat_unknown", "This token doesn't work"),
    ],
)
def test_a_token_that_does_not_open_anything_says_so(person: Person, token: str, said: str) -> None:
    page = person.open(signed_in=False)

    page.get_by_label("Access token").fill(token)
    button(page, "Sign in").click()

    expect(page.get_by_role("alert")).to_have_text(shows(said))


def test_an_expired_token_says_so_at_once_and_when_its_time_comes(person: Person) -> None:
    expired = person.token("meters:read", expires_at=times.now())
    page = person.open(signed_in=False)
    page.get_by_label("Access token").fill(expired)
    button(page, "Sign in").click()
    expect(page.get_by_role("alert")).to_have_text(shows("has expired"))

    page = person.context.new_page()
    page.clock.install()
    page.goto(person.service.url)
    until = times.now() + timedelta(hours=1)
    page.get_by_label("Access token").fill(person.token("meters:read", expires_at=until))
    button(page, "Sign in").click()
    expect(heading(page, "Overview")).to_be_visible()
    # By more than the hour: the page's clock began before the token's, by as long as that took.
    page.clock.fast_forward("02:00:00")
    expect(page.get_by_role("alert")).to_have_text(shows("This token has expired"))


def test_a_token_that_is_revoked_while_in_use_leads_out(person: Person) -> None:
    page = person.open("#/settings")
    page.route("**/v1/customers/**", lambda route: route.fulfill(status=401, json={}))

    page.get_by_role("link", name="Customers").first.click()

    expect(page.get_by_role("alert")).to_have_text(shows("has expired or was revoked"))


def test_what_the_scopes_do_not_allow_is_there_and_says_why(person: Person) -> None:
    customer_id = person.api.customer(name="Ada")
    meter_id = person.api.meter()
    person.api.ingest(customer_id, -10)
    scopes = ("customers:read", "meters:read", "events:read", "customer_meters:read", "tokens:read")
    reader = person.with_token(person.token(*scopes))
    page = reader.open()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.method))
    unavailable = {
        "#/customers": {"Add customer": "customers:write"},
        f"#/customers/{customer_id}": {
            "Grant credits": "credits:grant",
            "Edit": "customers:write",
            "Delete": "customers:write",
        },
        "#/meters": {"Create meter": "meters:write"},
        f"#/meters/{meter_id}": {"Edit": "meters:write", "Archive": "meters:write"},
        "#/events": {"Add event": "events:write"},
        "#/settings": {"Create token": "tokens:write", "Revoke mine": "tokens:write"},
    }

    for address, actions in unavailable.items():
        page.goto(f"{person.service.url}/{address}")
        for action, scope in actions.items():
            barred = page.get_by_role("button", name=action, exact=True, include_hidden=True).first
            expect(barred).to_be_attached()
            if not barred.is_visible():
                button(page, "More actions").click()
            expect(barred).to_have_attribute("aria-disabled", "true")
            expect(barred).to_have_accessible_description(f"Your token lacks the scope {scope}.")
            barred.hover()
            expect(page.get_by_role("tooltip").filter(has_text=scope).first).to_be_visible()
            barred.click(force=True)
            expect(page.get_by_role("dialog")).to_have_count(0)
    assert set(requests) <= {"GET"}


def test_what_may_not_be_read_says_so_in_its_place(person: Person) -> None:
    customer_id = person.api.customer(name="Ada")
    reader = person.with_token(person.token("customers:read"))
    page = reader.open()
    for address, missing in {
        "#/meters": "meters:read",
        "#/events": "events:read",
        "#/settings": "tokens:read",
        f"#/customers/{customer_id}": "events:read",
    }.items():
        page.goto(f"{person.service.url}/{address}")
        expect(page.get_by_text(missing).first).to_be_visible()
        expect(button(page, "Try again")).to_have_count(0)


def test_a_token_is_made_shown_once_works_and_is_revoked(person: Person) -> None:
    page = person.open("#/settings")
    button(page, "Create token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Reader")
    dialog.get_by_role("checkbox", name=re.compile("^meters:read")).check()
    button(dialog, "Create token").click()
    token = dialog.get_by_test_id("made-token").locator("code").inner_text()
    button(dialog, "I have copied it").click()

    expect(page.get_by_role("cell", name="Reader", exact=True)).to_be_visible()
    assert token not in page.content()
    authorized = {"Authorization": f"Bearer {token}"}
    assert person.api.client.get("/v1/meters/", headers=authorized).status_code == 200
    assert person.api.client.get("/v1/customers/", headers=authorized).status_code == 403

    button(page, "Revoke Reader").click()
    button(page.get_by_role("dialog"), "Revoke token").click()
    expect(page.get_by_role("cell", name="Reader", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Revoked").click()
    expect(page.get_by_role("cell", name="Reader", exact=True)).to_be_visible()


def test_a_meter_is_previewed_as_it_is_written(person: Person) -> None:
    customer_id = person.api.customer(name="Ada")
    for units in (2, 5, 40):
        person.api.ingest(customer_id, units, plan="pro" if units > 2 else "free")
    person.api.ingest(customer_id, "many")
    person.api.ingest(customer_id, 1, name="page_view")
    page = person.open("#/meters/new")

    page.get_by_label("Value", exact=True).fill("api_usage")
    page.get_by_label("Of the property").fill("units")
    preview = page.locator(".card", has_text="Preview")
    expect(preview.get_by_role("status")).to_have_text("47 from 3 of the latest 5 events")
    expect(preview.get_by_text("matches, but the property is not a number")).to_be_visible()

    button(page, "Condition").click()
    page.get_by_label("Property", exact=True).last.fill("plan")
    page.get_by_label("Value", exact=True).last.fill("pro")
    expect(preview.get_by_role("status")).to_have_text("45 from 2 of the latest 5 events")

    page.get_by_label("Name", exact=True).fill("Pro usage")
    button(page, "Create meter").click()
    expect(
        page.get_by_text("Sum of units, where name is “api_usage” and plan is “pro”")
    ).to_be_visible()


def test_what_is_archived_begins_on_its_first_page(person: Person) -> None:
    for number in range(21):
        person.api.meter(f"Meter {number}")
    archived = person.api.meter("Old meter")
    person.api.client.patch(f"/v1/meters/{archived}", json={"is_archived": True})
    page = person.open("#/meters")
    button(page, "Next page").click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()

    page.get_by_role("link", name="Archived").click()

    expect(page.get_by_role("link", name="Old meter")).to_be_visible()


def test_a_customers_page_shows_each_meter_that_has_counted_as_what_it_is(person: Person) -> None:
    person.api.meter("Another", filter={"conjunction": "and", "clauses": [NEVER]})
    person.api.meter("Peak", aggregation={"func": "max", "property": "units"})
    customer_id = person.api.customer()
    person.api.ingest(customer_id, 12)
    page = person.open(f"#/customers/{customer_id}")

    expect(page.get_by_test_id("gauge")).to_have_text("Peak12 Maximum of units")
    expect(page.locator(".total")).to_have_text(shows("12 Maximum of units"))
    expect(credits_left(page)).to_have_count(0)


def test_a_meter_is_archived_and_brought_back(person: Person) -> None:
    page = person.open(f"#/meters/{person.api.meter()}")

    choose(page, "Archive")
    button(page.get_by_role("dialog"), "Archive").click()
    expect(page.get_by_text("archived", exact=True)).to_be_visible()
    go_to(page, "Meters")
    expect(page.get_by_text("No meters yet")).to_be_visible()
    page.get_by_role("link", name="Archived").click()
    expect(page.get_by_role("cell", name="stopped")).to_be_visible()
    page.get_by_role("link", name="API usage").click()
    expect(page.get_by_text("archived", exact=True)).to_be_visible()
    expect(page.get_by_text("Counting the past")).to_have_count(0)
    choose(page, "Bring back")
    button(page.get_by_role("dialog"), "Bring back").click()
    expect(page.get_by_text("archived", exact=True)).to_have_count(0)


def test_a_new_meter_shows_that_it_counts_the_past(person: Person) -> None:
    customer_id = person.api.customer(name="Ada")
    person.api.ingest(customer_id, 4)
    page = person.open(f"#/meters/{person.api.meter()}")

    expect(page.get_by_text("counted", exact=True)).to_be_visible()
    page.goto(f"{person.service.url}/#/customers/{customer_id}")
    expect(page.get_by_text("4 over", exact=True).first).to_be_visible()


def test_a_meter_shows_how_far_it_has_counted_the_past(person: Person) -> None:
    """The local service counts the past too fast to be watched: its answer is held halfway."""
    meter_id = person.api.meter()
    halfway = {"complete": False, "ledgers": 1_500, "total_ledgers": 3_000, "events": 12_345}
    meter = person.api.get(f"/v1/meters/{meter_id}") | {"backfill": halfway}
    page = person.open()
    page.route(f"**/v1/meters/{meter_id}", lambda route: route.fulfill(json=meter))

    page.goto(f"{person.service.url}/#/meters/{meter_id}")

    counting = page.get_by_role("progressbar", name="Counting the past")
    expect(counting).to_have_js_property("value", 0.5)
    expect(page.get_by_text("1,500 of about 3,000 customers, 12,345 events")).to_be_visible()


def bury(person: Person, shared: Run, tmp_path: Path) -> None:
    """Have a message of the queue fail for good."""
    # Failed messages are delivered again at once, and so are dead ones soon.
    Stage.open(shared, tmp_path)
    sent = person.api.client.post("/v1/events/queue", json={"events": [{"name": ""}]})
    assert sent.status_code == 202
    for _ in range(MOST_LOOKS):
        if person.api.get("/v1/dead-letters/")["items"]:
            return
    raise AssertionError("it has not failed")


def failed_messages(page: Page) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name="Failed messages"))


def test_a_failed_message_is_opened_explained_and_sent_again_without_a_claim_that_all_is_well(
    person: Person, shared: Run, tmp_path: Path
) -> None:
    bury(person, shared, tmp_path)
    page = person.open()
    dead = failed_messages(page)

    expect(dead.locator("tbody tr")).to_have_count(1)
    expect(dead.locator("tbody tr")).to_contain_text("character")
    dead.locator("tbody").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_have_text(shows("It would fail again."))
    expect(dialog).to_contain_text("First received")
    button(dialog, "Send again").click()

    expect(dialog).to_have_count(0)
    expect(dead.get_by_text("What fails again comes back here.")).to_be_visible()


def test_a_failed_message_is_discarded_for_good_behind_a_second_look(
    person: Person, shared: Run, tmp_path: Path
) -> None:
    bury(person, shared, tmp_path)
    page = person.open()
    dead = failed_messages(page)
    dead.locator("tbody").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    discard = button(dialog, "Discard for good")
    expect(discard).to_be_hidden()
    dialog.get_by_text("Discard it", exact=True).click()
    expect(dialog.get_by_text("what has not counted never will.")).to_be_visible()

    # An answer that is lost leaves the message, or has discarded it: asked again, it is gone.
    page.route("**/v1/dead-letters/*", lambda route: route.abort())
    discard.click()
    expect(dialog.get_by_role("alert").last).to_have_text(shows("can't be reached"))
    page.unroute("**/v1/dead-letters/*")
    discard.click()

    expect(dialog).to_have_count(0)
    expect(dead.get_by_text("None: every message of the queue was counted.")).to_be_visible()
    assert person.api.get("/v1/dead-letters/")["items"] == []
    (told,) = person.api.get("/v1/activity/", action="dead_letter.discarded")["items"]
    assert told["token_name"] == "mine"


def test_customers_are_searched_sorted_and_paged(person: Person) -> None:
    for number in range(23):
        person.api.customer(f"user{number:02}@example.com", name=f"Name {22 - number:02}")
    page = person.open("#/customers")
    expect(page.get_by_text("23 customers")).to_be_visible()
    first = page.locator("tbody tr").first
    expect(first).to_contain_text("user22@")

    button(page, "Email").click()
    expect(first).to_contain_text("user00@")
    button(page, "Next page").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    button(page, "Name").click()
    expect(first).to_contain_text("user22@")
    page.get_by_label("Search customers").fill("USER07")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Search customers").fill("nobody at all")
    expect(page.get_by_text("Nobody matches “nobody at all”")).to_be_visible()
    go_to(page, "Customers")
    expect(page.get_by_text("23 customers")).to_be_visible()
    expect(page.get_by_label("Search customers")).to_have_value("")
    page.get_by_label("Search customers").fill(" user07@example.com ")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto(f"{person.service.url}/#/customers?page=9")
    expect(page.get_by_text("Page 9 of 2")).to_be_visible()
    button(page, "Previous page").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_customer_is_changed_and_deleted(person: Person) -> None:
    customer_id = person.api.customer(name="Ada")
    page = person.open(f"#/customers/{customer_id}")
    dialog = page.get_by_role("dialog")

    choose(page, "Edit")
    dialog.get_by_label("Name").fill("Ada Lovelace")
    dialog.get_by_label("External ID").fill("user_9")
    button(dialog, "Save").click()
    expect(heading(page, "Ada Lovelace")).to_be_visible()
    choose(page, "Edit")
    expect(dialog.get_by_label("External ID")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    choose(page, "Delete")
    dialog.get_by_label("Erase the email and the name too").check()
    button(dialog, "Delete customer").click()
    expect(page.get_by_text("No customers yet")).to_be_visible()
    assert person.api.client.get(f"/v1/customers/{customer_id}").status_code == 404


def test_events_arrive_live_and_are_filtered(person: Person) -> None:
    ada = person.api.customer("ada@example.com", name="Ada")
    bob = person.api.customer("bob@example.com", name="Bob")
    meter_id = person.api.meter()
    person.api.ingest(bob, 1, name="page_view")
    page = person.open("#/events")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)

    person.api.ingest(ada, 3)
    expect(rows).to_have_count(2)
    page.get_by_label("Counted by meter").select_option(meter_id)
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Ada")
    button(page, "Clear").click()
    expect(rows).to_have_count(2)
    page.get_by_label("Customer").fill("bob@example.com")
    expect(page.get_by_role("button", name="All customers, not only Bob")).to_be_visible()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Bob")
    page.get_by_label("Name").fill("api_usage")
    expect(page.get_by_text("No event matches")).to_be_visible()
    button(page, "Clear").click()
    expect(page.get_by_label("Customer")).to_have_value("")
    expect(rows).to_have_count(2)
    page.get_by_label("Time").select_option("custom")
    page.get_by_label("Before").fill("2020-01-01T00:00")
    expect(page.get_by_text("No event matches")).to_be_visible()


def test_the_overview_tells_what_was_used_and_who_has_least_left(
    person: Person,
) -> None:
    person.api.meter()
    customer_id = person.api.customer(name="Ada")
    person.api.ingest(customer_id, -1_000)
    person.api.ingest(customer_id, 12)
    page = person.open()

    expect(page.locator(".tile", has_text="all time")).to_have_text("Events, all time 2")
    expect(page.locator(".total")).to_have_text(shows("12 used · "))
    expect(page.get_by_text("1,000 granted")).to_be_visible()
    active = page.locator(".card", has_text="Recently active")
    expect(active.get_by_text("988 credits left")).to_be_visible()
    least = page.get_by_role("table", name="Customers with the least left")
    expect(least.locator("tbody tr")).to_have_text(re.compile("^Adauser@example.com988[0-9]"))
    expect(least.get_by_role("columnheader").nth(1)).to_have_text("Left (credits)")
    expect(page.get_by_text("None: every message of the queue was counted.")).to_be_visible()


def test_the_chart_is_read_with_the_keyboard_and_as_a_table(person: Person) -> None:
    meter_id = person.api.meter()
    customer_id = person.api.customer()
    person.api.ingest(customer_id, 12)
    page = person.open(f"#/meters/{meter_id}")
    chart = page.get_by_role("group", name=shows("Used by day"))
    expect(page.locator(".total")).to_have_text(shows("12 used · "))

    chart.focus()
    chart.press("ArrowLeft")
    expect(chart.get_by_role("status")).to_contain_text("12")
    page.get_by_text("Figures", exact=True).click()
    expect(page.get_by_role("table", name=shows("Used by day"))).to_contain_text("12")
    page.get_by_label("Interval").select_option("week")
    expect(page.get_by_role("group", name=shows("Used by week"))).to_be_visible()
    page.get_by_label("Time zone").select_option("Pacific/Chatham")
    page.get_by_label("Period before").check()
    expect(page.locator(".total")).to_have_text(shows("0 before · "))
    page.reload()
    expect(page.get_by_label("Time zone")).to_have_value("Pacific/Chatham")
    expect(page.get_by_label("Interval")).to_have_value("week")
    expect(page.get_by_role("group", name=shows("Used by week"))).to_be_visible()


def test_the_chart_offers_only_what_the_api_shows_at_once(person: Person) -> None:
    meter_id = person.api.meter()
    page = person.open(f"#/meters/{meter_id}")
    intervals = page.get_by_label("Interval")
    offered = []

    for time in ("7 days", "12 months", "5 years"):
        page.get_by_label("Time", exact=True).select_option(time)
        for option in intervals.locator("option:enabled").all_text_contents():
            intervals.select_option(option)
            expect(page.get_by_role("group", name=shows(f"Used {option}"))).to_be_visible()
            offered.append(f"{time} {option}")

    assert "7 days by hour" in offered
    assert "12 months by week" in offered
    assert "5 years by week" not in offered


BIGGEST = "123456789012345.123456789"


def test_big_numbers_are_exact_in_every_figure(person: Person) -> None:
    person.api.meter()
    customer_id = person.api.customer()
    page = person.open(f"#/customers/{customer_id}")
    button(page, "Grant credits").click()
    page.get_by_label("Amount").fill(BIGGEST)
    button(page.get_by_role("dialog"), "Grant credits").click()
    button(page.get_by_role("dialog"), "Done").click()

    shown = "123,456,789,012,345.123456789"
    expect(credits_left(page)).to_have_text(shows(shown))
    expect(page.locator(".sum")).to_contain_text(f"{shown} granted")
    events = page.get_by_role("table", name="Events, newest first")
    expect(events).to_contain_text(f"\N{MINUS SIGN}{shown}")
    assert BIGGEST in person.api.client.get(f"/v1/customers/{customer_id}/state").text


def test_it_says_that_it_is_offline_and_goes_on_when_it_is_back(person: Person) -> None:
    page = person.open("#/customers")
    expect(page.get_by_text("No customers yet")).to_be_visible()

    person.context.set_offline(True)
    expect(page.get_by_text("You are offline.")).to_be_visible()
    button(page, "Add customer").first.click()
    page.get_by_label("Email").fill("user@example.com")
    button(page.get_by_role("dialog"), "Add customer").click()
    expect(page.get_by_role("dialog").get_by_text("can't be reached")).to_be_visible()

    person.context.set_offline(False)
    button(page.get_by_role("dialog"), "Add customer").click()
    expect(heading(page, "user@example.com")).to_be_visible()


def test_an_error_can_be_tried_again(person: Person) -> None:
    page = person.open()
    listing = "**/v1/customers/?*limit=20*"
    page.route(listing, lambda route: route.fulfill(status=500, json={}))

    go_to(page, "Customers")
    expect(page.get_by_text("The service answered with status 500.")).to_be_visible()
    page.unroute(listing)
    button(page, "Try again").click()

    expect(page.get_by_text("No customers yet")).to_be_visible()


def test_a_page_that_fails_says_so_and_leaves_the_others(person: Person) -> None:
    page = person.open()
    nonsense = "**/v1/customers/?*limit=20*"
    page.route(nonsense, lambda route: route.fulfill(json={"items": [None], "pagination": {}}))

    page.get_by_role("link", name="Customers").first.click()
    expect(page.get_by_text("This page can't be shown")).to_be_visible()
    page.unroute(nonsense)
    button(page, "Try again").click()
    expect(page.get_by_text("No customers yet")).to_be_visible()
    go_to(page, "Meters")


def test_it_works_below_a_stage(person: Person) -> None:
    def below(route: Route) -> None:
        route.fulfill(response=route.fetch(url=route.request.url.replace("/prod/", "/")))

    person.context.route("**/prod/**", below)
    outside: list[str] = []
    person.api.customer(name="Ada")
    page = person.open(prefix="/prod/", signed_in=False)
    page.on("request", lambda request: outside.append(request.url))
    page.get_by_label("Access token").fill(person.service.token)
    button(page, "Sign in").click()

    go_to(page, "Customers")
    expect(page.get_by_role("link", name="Ada")).to_be_visible()
    go_to(page, "Settings")
    expect(page.get_by_test_id("code")).to_contain_text(f"{person.service.url}/prod/v1/events")
    person.context.unroute_all(behavior="ignoreErrors")
    assert outside
    assert not [url for url in outside if not url.startswith(f"{person.service.url}/prod/")]


def test_everything_is_asked_of_this_host_alone(person: Person) -> None:
    asked: set[str] = set()
    page = person.context.new_page()
    page.on("request", lambda request: asked.add(request.url))
    page.goto(person.service.url)
    person.open("#/settings")

    assert asked
    assert all(url.startswith(person.service.url) for url in asked)


@pytest.mark.parametrize(
    ("language", "runner"),
    [("curl", RUNNERS["bash"]), ("TypeScript", SDKS["typescript-0"]), ("Python", SDKS["python-0"])],
)
def test_the_code_to_get_started_runs_as_it_is_shown(
    person: Person, shared: Run, tmp_path: Path, language: str, runner: Callable[..., Any]
) -> None:
    person.api.meter()
    customer_id = person.api.customer(external_id="user_123")
    person.api.ingest(customer_id, -10)
    page = person.open("#/settings")
    button(page, language).click()
    code = page.get_by_test_id("code").inner_text()

    ended = runner(Stage(shared, person.service, tmp_path), code)

    assert ended.returncode == 0, ended.stderr
    said = '"available_credits":7' if language == "curl" else "7 credits left"
    assert said in ended.stdout
