"""The dashboard under slow answers, in other languages, with others at work, and at every width."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page, Route, expect

from tests.e2e.conftest import NewPerson, Person, button, choose, heading, shows

SLOW_MILLISECONDS = 6_000
# How often to look whether something is there that comes by itself.
MOST_LOOKS = 1_000


def used(person: Person) -> dict[str, str]:
    """An organization with something on each page, and the pages' addresses."""
    meter_id = person.api.meter()
    customer_id = person.api.customer(name="Ada", external_id="user_123")
    person.api.ingest(customer_id, -10)
    person.api.ingest(customer_id, 3)
    endpoint = person.api.post(
        "/v1/webhooks/endpoints",
        {"url": "http://127.0.0.1:9/", "name": "Billing", "events": ["credits.low"]},
    )
    (event, *_) = person.api.get("/v1/events/", customer_id=customer_id)["items"]
    return {
        "Overview": "#/",
        "Customers": "#/customers",
        "Ada": f"#/customers/{customer_id}",
        "Meters": "#/meters",
        "API usage": f"#/meters/{meter_id}",
        "Events": "#/events",
        "api_usage": f"#/events/{event['id']}",
        "Statement": f"#/customers/{customer_id}/statement/{meter_id}",
        "Liability": "#/liability",
        "Alerts": "#/alerts",
        "Billing": f"#/webhooks/{endpoint['id']}",
        "Webhooks": "#/webhooks",
        "Who did what": "#/activity",
        "Settings": "#/settings",
    }


def test_every_page_shows_its_first_answers_however_slow_they_are(person: Person) -> None:
    addresses = used(person)
    person.open("#/settings")
    page = person.context.new_page()
    page.clock.install()
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    held: list[Route] = []
    page.route("**/v1/**", lambda route: held.append(route))

    for name, address in addresses.items():
        # A page of its own for each: nothing is kept from the one before.
        page.goto("about:blank")
        given_up.clear()
        page.goto(f"{person.service.url}/{address}")
        shown = heading(page, name)
        for _ in range(MOST_LOOKS):
            if shown.count() and not page.locator("[aria-busy]").count():
                break
            if held:
                # All this time the page's timers go off, and nothing is answered.
                page.clock.fast_forward(SLOW_MILLISECONDS)
                asked = [route.request.url for route in held]
                assert len(asked) == len(set(asked))
                while held:
                    held.pop().continue_()
            page.evaluate("new Promise(requestAnimationFrame)")
        expect(shown).to_be_visible()
        assert not given_up, name
        page.unroute("**/v1/**")
        held.clear()
        page.route("**/v1/**", lambda route: held.append(route))


def test_the_overviews_figures_take_two_round_trips(person: Person) -> None:
    used(person)
    for _ in range(MOST_LOOKS):
        if person.api.get("/v1/overview")["events"] == 2:
            break
    person.open("#/settings")
    page = person.context.new_page()
    held: list[Route] = []
    page.route("**/v1/**", lambda route: held.append(route))
    page.goto(person.service.url)

    def wait_for(*parts: str) -> None:
        while not all(any(part in route.request.url for route in held) for part in parts):
            page.evaluate("new Promise(requestAnimationFrame)")

    wait_for("tokens/current", "/v1/overview", "/meters/")
    # Two answers are enough for figures, whatever else is on its way.
    for route in held:
        if "/meters/" not in route.request.url:
            route.continue_()
    held[:] = [route for route in held if "/meters/" in route.request.url]
    expect(page.locator(".tile", has_text="all time")).to_have_text("Events, all time 2")
    expect(page.locator(".tile", has_text="Customers")).to_have_text("Customers 1")
    expect(page.locator(".tile", has_text="Meters")).to_have_text("Meters 1")
    while held:
        held.pop().continue_()
    wait_for("/quantities")
    page.unroute("**/v1/**")
    expect(page.locator(".total")).to_have_text(shows("3 used · "))


def test_what_the_active_have_left_is_of_credits_alone(person: Person) -> None:
    used(person)
    person.api.meter("Size", aggregation={"func": "max", "property": "units"})
    page = person.open("#/")
    active = page.get_by_role("table", name="Recently active customers").locator("tbody tr")
    expect(active).to_have_count(1)
    expect(active.get_by_role("cell").last).to_have_text("7 credits left")


def test_a_figure_of_another_selection_is_dimmed_until_the_answer_comes(person: Person) -> None:
    page = person.open(used(person)["API usage"])
    total = page.locator(".total")
    expect(total).to_have_text(shows("3 used · "))
    held: list[Route] = []
    page.route("**/quantities?*", lambda route: held.append(route))

    page.get_by_label("Time", exact=True).select_option("Today")

    expect(page.locator(".stale[aria-busy]", has=total)).to_be_visible()
    page.unroute("**/quantities?*")
    expect(page.locator(".stale")).to_have_count(0)
    expect(total).to_have_text(re.compile(r"^3 used · \d+ \w+ \d{4}10 granted"))


def holding(asked: str, held: list[Route]) -> Callable[[Route], None]:
    """Keeps the requests whose address has a part back, and lets all others pass."""

    def hold(route: Route) -> None:
        if asked in route.request.url:
            held.append(route)
        else:
            route.continue_()

    return hold


def select(label: str, value: str) -> Callable[[Page], Any]:
    return lambda page: page.get_by_label(label, exact=True).select_option(value)


def test_each_choice_dims_or_blanks_what_is_of_the_choice_before(person: Person) -> None:
    addresses = used(person)
    other = person.api.meter("Other", group_by=["model"])
    (ada,) = person.api.get("/v1/customers/")["items"]
    meter = addresses["API usage"]
    statement = f"#/customers/{ada['id']}/statement/{meter.rpartition('/')[2]}"
    choices: list[tuple[str, str, Callable[[Page], Any]]] = [
        # Of a week: the month of each meter is there already, in the table of all meters.
        ("#/?range=week", "/quantities", select("Meter", other)),
        ("#/", f"{other}/customers", select("Meter of what is left", other)),
        (meter, "quantities", select("Interval", "week")),
        (meter, "quantities", select("Time zone", "UTC")),
        (f"#/meters/{other}", "quantities", select("Broken down by", "model")),
        ("#/events", "events/", select("Time", "24")),
        ("#/customers", "customers/", lambda page: button(page, "Email").click()),
        (f"#/customers?meter={other}", "/customers?", lambda page: button(page, "Over 0").click()),
        (statement, "/statement", select("Lines", "day")),
        ("#/liability", "/credits?", lambda page: page.get_by_label("From").fill("2026-01-05")),
    ]
    page = person.open("#/settings")
    for address, asked, choose_it in choices:
        page.goto(f"{person.service.url}/{address}")
        expect(page.locator("[aria-busy]")).to_have_count(0)
        held: list[Route] = []

        page.route("**/v1/**", holding(asked, held))
        choose_it(page)
        expect(page.locator("[aria-busy]").first).to_be_visible()
        page.unroute("**/v1/**")
        for route in held:
            with suppress(Error):
                route.continue_()
        expect(page.locator("[aria-busy]")).to_have_count(0)


def test_what_is_not_finished_outlives_the_session(person: Person) -> None:
    page = person.open(used(person)["Ada"])
    button(page, "Grant credits").click()
    page.get_by_label("Amount").fill("12.5")
    page.get_by_label("Note").fill("Order 1042")
    page.route("**/v1/credits/grants", lambda route: route.fulfill(status=401, json={}))
    button(page.get_by_role("dialog"), "Grant credits").click()
    expect(page.get_by_role("alert")).to_have_text(shows("has expired or was revoked"))
    page.unroute("**/v1/credits/grants")

    page.get_by_label("Access token").fill(person.service.token)
    button(page, "Sign in").click()

    expect(page.get_by_label("Note")).to_have_value("Order 1042")
    button(page.get_by_role("dialog"), "Grant credits").click()
    expect(page.get_by_test_id("new-balance")).to_have_text("19.5 credits left")


def test_an_edit_sends_what_was_changed_and_says_what_others_have_changed(person: Person) -> None:
    address = used(person)["Ada"]
    customer_id = address.rpartition("/")[2]
    page = person.open(address)
    choose(page, "Edit")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("ada@example.com")
    person.api.client.patch(f"/v1/customers/{customer_id}", json={"name": "Ada Lovelace"})
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json))

    button(dialog, "Save").click()
    expect(dialog.get_by_role("alert")).to_have_text(shows("Name: Ada Lovelace"))
    button(dialog, "Save").click()

    expect(heading(page, "Ada Lovelace")).to_be_visible()
    assert [body for body in sent if body] == [{"email": "ada@example.com"}]


def test_numbers_and_words_are_those_of_the_reader(new_person: NewPerson) -> None:
    person = new_person(locale="de-DE")
    addresses = used(person)
    page = person.open(addresses["Ada"], signed_in=False)
    page.get_by_label("Zugangstoken").fill(person.service.token)
    button(page, "Anmelden").click()
    button(page, "Credits gutschreiben").click()
    dialog = page.get_by_role("dialog")
    for typed, echo in {
        "10,5": "10,5 Credits von API usage. Danach: 17,5 Guthaben",
        "1.000": "1.000 Credits von API usage. Danach: 1.007 Guthaben",
    }.items():
        dialog.get_by_label("Betrag").fill(typed)
        expect(dialog.get_by_text(echo)).to_be_visible()
    page.keyboard.press("Escape")

    page.goto(f"{person.service.url}/#/settings")
    page.get_by_label("Sprache", exact=True).select_option("English")
    page.get_by_label("Dates").select_option("iso")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    expect(heading(page, "Settings")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.goto(f"{person.service.url}/{addresses['API usage']}")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.locator(".total")).to_have_text(re.compile(r"3 used · \d{4}-\d\d-\d\d "))


def test_anything_is_found_from_anywhere(person: Person) -> None:
    addresses = used(person)
    page = person.open("#/settings")
    found = page.get_by_role("listbox", name="Found").get_by_role("option")
    for key, text in {
        "/": "user_123",
        "Control+k": addresses["Ada"].rpartition("/")[2],
    }.items():
        page.keyboard.press(key)
        page.get_by_label("Search everything").fill(text)
        expect(found).to_have_text("Adauser@example.com · user_123")
        page.keyboard.press("Enter")
        expect(heading(page, "Ada")).to_be_visible()
        page.goto(f"{person.service.url}/#/settings")
    page.keyboard.press("/")
    page.get_by_label("Search everything").fill("usage")
    expect(found).to_have_text(["API usageMeter", "api_usage2 events"])


def test_balances_are_listed_with_the_least_left_first_and_saved_as_a_file(
    person: Person, tmp_path: Path
) -> None:
    used(person)
    poor = person.api.customer("poor@example.com")
    person.api.ingest(poor, 2.5)
    page = person.open("#/customers")

    page.get_by_label("Which customers").select_option("Balances of API usage")

    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("2.5 over")
    expect(rows.last).to_contain_text("Ada")
    with page.expect_download() as saved:
        button(page, "CSV").click()
    saved.value.save_as(tmp_path / "balances.csv")
    lines = (tmp_path / "balances.csv").read_text("utf-8-sig").splitlines()
    assert lines[0] == (
        "Customer,Left (credits),Lasts about,Used in 7 days,Granted,Last change,Held"
    )
    assert [line.rsplit(",", 2)[0] for line in lines[1:]] == [
        "poor@example.com,-2.5,0,2.5,0",
        "Ada,7,16,3,10",
    ]
    rows.first.click()
    expect(heading(page, "poor@example.com")).to_be_visible()


def test_a_token_is_made_by_a_preset(person: Person) -> None:
    page = person.open("#/settings?open=token")
    button(page, "Send events only").click()
    checked = page.get_by_role("checkbox", checked=True)
    expect(checked).to_have_count(1)
    button(page, "Everything but tokens").click()
    about_tokens = page.get_by_role("checkbox", name=re.compile("^tokens:"))
    expect(about_tokens.and_(checked)).to_have_count(0)
    every = page.get_by_role("checkbox").count()
    expect(checked).to_have_count(every - about_tokens.count())


def test_a_finger_reads_a_chart_and_why_something_is_barred(new_person: NewPerson) -> None:
    person = new_person(viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    addresses = used(person)
    reader = person.with_token(person.token("customers:read", "meters:read", "events:read"))
    page = reader.open(addresses["API usage"])
    chart = page.get_by_role("group", name=shows("Used by day"))
    box = chart.bounding_box()
    assert box

    page.touchscreen.tap(box["x"] + box["width"] - 8, box["y"] + 100)
    expect(chart.get_by_role("status")).to_contain_text("3")
    button(page, "Edit").tap(force=True)
    expect(page.locator(".announcements")).to_have_text("Your token lacks the scope meters:write.")


def test_a_new_meter_says_whom_it_stops_and_stops_nobody_where_it_should_not(
    person: Person,
) -> None:
    page = person.open("#/meters/new")
    page.get_by_label("Name", exact=True).fill("Calls")
    page.get_by_label("Value", exact=True).fill("api_usage")
    page.get_by_label("How they count").select_option("count")
    limits = page.get_by_label("Limits spending")
    expect(page.get_by_text("is stopped at once.")).to_be_visible()

    limits.select_option("never")
    expect(page.get_by_text("It only measures. It stops nobody")).to_be_visible()
    button(page, "Create meter").click()

    expect(heading(page, "Calls")).to_be_visible()
    (meter,) = person.api.get("/v1/meters/")["items"]
    assert meter["limits_spending"] == "never"


def test_a_unit_of_many_counted_ones_is_shown_and_typed_in_its_own_size(person: Person) -> None:
    page = person.open("#/meters/new")
    page.get_by_label("Name", exact=True).fill("Storage")
    page.get_by_label("Value", exact=True).fill("api_usage")
    page.get_by_label("Of the property").fill("units")
    page.get_by_label("Unit", exact=True).select_option("custom")
    page.get_by_label("Name of the unit").fill("GB")
    multiplier = page.get_by_label("Multiplier")
    multiplier.fill("0.5")
    expect(page.get_by_text("A whole number from 1")).to_be_visible()
    multiplier.fill("1,000,000,000")
    expect(page.get_by_text("1,000,000,000 counted units are shown as 1 GB.")).to_be_visible()
    button(page, "Add a threshold").click()
    page.get_by_label("Threshold 1", exact=True).fill("0.5")
    button(page, "Create meter").click()
    expect(heading(page, "Storage")).to_be_visible()
    expect(page.get_by_text("0.5 GB left")).to_be_visible()
    (meter,) = person.api.get("/v1/meters/")["items"]
    assert meter["custom_multiplier"] == 1_000_000_000
    assert [one["available_credits"] for one in meter["thresholds"]] == [500_000_000]

    customer_id = person.api.customer(name="Ada")
    page.goto(f"{person.service.url}/#/customers/{customer_id}?open=grant")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount (GB)").fill("1.5")
    expect(dialog.get_by_text("1.5 GB of Storage. Afterwards: 1.5 in credit")).to_be_visible()
    button(dialog, "Grant credits").click()
    expect(page.get_by_test_id("new-balance")).to_have_text("1.5 GB left")
    assert [one["balance"] for one in person.api.meters_of(customer_id)] == [-1_500_000_000]


def test_a_meter_is_broken_down_by_what_its_events_say_and_by_customer(person: Person) -> None:
    meter_id = person.api.meter(group_by=["model", "customer"])
    ada = person.api.customer(name="Ada")
    bob = person.api.customer("bob@example.com", name="Bob")
    for customer_id, units, model in ((ada, 30, "large"), (bob, 5, "small"), (bob, 5, "large")):
        person.api.ingest(customer_id, units, model=model)

    page = person.open(f"#/meters/{meter_id}")
    page.get_by_label("Broken down by", exact=True).select_option("model")

    table = page.get_by_role("table", name="By model")
    expect(table.get_by_role("row")).to_have_count(3, timeout=20_000)
    expect(table.get_by_role("row").nth(1)).to_have_text("large3587.5 %")
    expect(page.locator(".plot rect.shade-0")).not_to_have_count(0)
    page.get_by_label("Broken down by", exact=True).select_option("customer")
    page.get_by_role("table", name="By Customer").get_by_role("link", name="Ada").click()
    expect(heading(page, "Ada")).to_be_visible()


def test_what_a_meter_is_broken_down_by_is_changed_in_its_form(person: Person) -> None:
    meter_id = person.api.meter()
    page = person.open(f"#/meters/{meter_id}")
    button(page, "Edit").click()
    page.get_by_label("Broken down by").fill("model, , model")
    button(page, "Save").click()
    expect(page.get_by_role("dialog").get_by_text("Name each property only once.")).to_be_visible()
    page.get_by_label("Broken down by").fill(" model,feature ")
    button(page, "Save").click()

    expect(page.get_by_text("model, feature")).to_be_visible()
    assert person.api.get(f"/v1/meters/{meter_id}")["group_by"] == ["model", "feature"]


def test_who_did_what_is_told_among_the_settings(person: Person) -> None:
    person.api.meter()
    page = person.open("#/settings")

    rows = page.get_by_role("table", name="Who did what").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Created a meter")
    expect(rows.nth(1)).to_contain_text("name: API usage")
