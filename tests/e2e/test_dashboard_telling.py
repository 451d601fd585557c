"""What is told, by hand: thresholds, alerts, and who runs low."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import NewPerson, Person, button, go_to, heading, shows

# Alerts follow the call that crosses by a moment, and the page asks again now and then.
TOLD_MILLISECONDS = 40_000
# How often to ask for what comes by itself.
MOST_LOOKS = 1_000


def shop(person: Person, *thresholds: dict[str, Any]) -> tuple[str, str]:
    """A meter and a customer of it with 1,000 credits: their ids."""
    meter_id = person.api.meter(thresholds=list(thresholds))
    customer_id = person.api.customer(name="Ada", external_id="user_123")
    person.api.ingest(customer_id, -1_000)
    return meter_id, customer_id


def fields(scope: Page | Locator) -> Locator:
    return scope.get_by_role("group", name="Thresholds")


def wait_for_a_look(person: Person, customer_id: str, meter_id: str) -> None:
    """Wait until changed thresholds have reached a balance: what crosses before was there."""
    for _ in range(MOST_LOOKS):
        path = f"/v1/customer-meters/{customer_id}.{meter_id}/thresholds"
        if all(one["state"] for one in person.api.get(path)["thresholds"]):
            return
    raise AssertionError("nobody has looked")


def wait_for_alerts(person: Person, count: int, **query: Any) -> list[dict[str, Any]]:
    """The alerts of a query, once there are so many."""
    for _ in range(MOST_LOOKS):
        found: list[dict[str, Any]] = person.api.get("/v1/alerts/", **query)["items"]
        if len(found) == count:
            return found
    raise AssertionError(found)


def card(page: Page, title: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name=title, exact=True))


def test_a_meters_thresholds_are_set_and_told_where_somebody_comes_down_to_one(
    person: Person, tmp_path: Path
) -> None:
    meter_id, customer_id = shop(person)
    page = person.open(f"#/meters/{meter_id}")
    button(page, "Edit").click()
    dialog = page.get_by_role("dialog")
    for place, value in enumerate(("100", "20"), start=1):
        button(dialog, "Add a threshold").click()
        dialog.get_by_label(f"Threshold {place}", exact=True).fill(value)
    dialog.get_by_label("Kind of threshold 2").select_option("percent")
    button(dialog, "Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("100 credits left, 20 % left")).to_be_visible()
    meter = person.api.get(f"/v1/meters/{meter_id}")
    assert meter["thresholds"] == [
        {"available_credits": 100, "percent": None},
        {"available_credits": None, "percent": 20},
    ]

    wait_for_a_look(person, customer_id, meter_id)
    person.api.ingest(customer_id, 850)
    wait_for_alerts(person, 1, customer_id=customer_id)
    go_to(page, "Alerts")
    rows = page.get_by_role("table", name="Alerts, the latest first").locator("tbody tr")
    expect(rows).to_have_count(1, timeout=TOLD_MILLISECONDS)
    expect(rows).to_contain_text("20 % left")
    expect(rows).to_contain_text("150 credits")
    with page.expect_download() as saved:
        button(page, "CSV").click()
    saved.value.save_as(tmp_path / "alerts.csv")
    head, line = (tmp_path / "alerts.csv").read_text("utf-8-sig").splitlines()
    assert head == "Customer,Meter,Threshold,Left then,State,Since,Ended"
    assert line.startswith("Ada,API usage,20 % left,150,reached,")

    go_to(page, "Overview")
    expect(card(page, "Running low").get_by_role("link", name="Ada")).to_be_visible()
    # Who has more again is not low any more, and the alert is among those that have recovered.
    person.api.ingest(customer_id, -1_000)
    wait_for_alerts(person, 1, customer_id=customer_id, state="recovered")
    expect(card(page, "Running low")).to_contain_text(
        "Nobody: no balance is at a threshold.", timeout=TOLD_MILLISECONDS
    )
    go_to(page, "Alerts")
    expect(page.get_by_text("No balance is at a threshold in this selection.")).to_be_visible()
    page.get_by_role("link", name="Recovered").click()
    expect(rows).to_contain_text("Recovered")
    rows.first.click()
    expect(heading(page, "Ada")).to_be_visible()


def test_a_customer_has_thresholds_of_its_own_and_is_told_of_at_once_where_that_is_asked(
    person: Person,
) -> None:
    _, customer_id = shop(person, {"available_credits": 10})
    page = person.open(f"#/customers/{customer_id}")
    told = card(page, "Thresholds and alerts")
    row = told.get_by_role("table", name="Thresholds").locator("tbody tr")
    expect(row).to_contain_text("10 credits left")

    button(row, "Change the thresholds of API usage").click()
    dialog = page.get_by_role("dialog")
    button(dialog, "Its own").click()
    expect(dialog.get_by_label("Threshold 1", exact=True)).to_have_value("10")
    dialog.get_by_label("Threshold 1", exact=True).fill("1000")
    dialog.get_by_label("Alert at once for balances that are below already").check()
    button(dialog, "Save").click()

    expect(dialog).to_have_count(0)
    expect(row).to_contain_text("1,000 credits left · reached")
    expect(row).to_contain_text("this customer's own")
    alerts = told.get_by_role("table", name="Latest alerts").locator("tbody tr")
    expect(alerts).to_contain_text("1,000 credits left", timeout=TOLD_MILLISECONDS)
    told.get_by_role("link", name="All alerts").click()
    button(page, "All customers, not only Ada").click()
    page.get_by_label("Customer", exact=True).fill("user_123")
    expect(button(page, "All customers, not only Ada")).to_be_visible()

    page.go_back()
    button(row, "Change the thresholds of API usage").click()
    button(dialog, "The meter's").click()
    expect(dialog.get_by_text("10 credits left")).to_be_visible()
    button(dialog, "Save").click()
    expect(row).to_contain_text("10 credits left")
    expect(row).not_to_contain_text("own")


def test_where_thresholds_stand_is_asked_for_again_where_an_alert_says_so(
    person: Person,
) -> None:
    meter_id, customer_id = shop(person, {"available_credits": 10})
    wait_for_a_look(person, customer_id, meter_id)
    person.open("#/settings")
    page = person.context.new_page()
    page.clock.install()
    page.goto(f"{person.service.url}/#/customers/{customer_id}")
    row = page.get_by_role("table", name="Thresholds").locator("tbody tr")
    expect(row).to_contain_text("10 credits left")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def look_again() -> None:
        with page.expect_response("**/v1/alerts/**"):
            page.clock.fast_forward(10_000)

    for _ in range(3):
        look_again()
    assert not [url for url in asked if "thresholds" in url]
    person.api.ingest(customer_id, 995)
    wait_for_alerts(person, 1)
    look_again()
    expect(row).to_contain_text("reached")
    assert len([url for url in asked if "thresholds" in url]) == 1


def test_a_new_meter_begins_with_thresholds(person: Person) -> None:
    page = person.open("#/meters/new")
    page.get_by_label("Name", exact=True).fill("Minutes")
    page.get_by_label("Value", exact=True).fill("call")
    page.get_by_label("Of the property").fill("minutes")
    button(page, "Add a threshold").click()
    page.get_by_label("Threshold 1", exact=True).fill("2.5")
    button(page, "Create meter").click()

    expect(heading(page, "Minutes")).to_be_visible()
    (meter,) = person.api.get("/v1/meters/")["items"]
    assert meter["thresholds"] == [{"available_credits": 2.5, "percent": None}]


def test_thresholds_that_make_no_sense_are_said_beside_them_and_not_sent(person: Person) -> None:
    meter_id, _ = shop(person)
    page = person.open(f"#/meters/{meter_id}?open=edit")
    dialog = page.get_by_role("dialog")
    button(dialog, "Add a threshold").click()
    value = dialog.get_by_label("Threshold 1", exact=True)
    for typed, said in {
        "ten": "This is not a number.",
        "-1": "0, or more.",
    }.items():
        value.fill(typed)
        expect(fields(dialog).get_by_role("alert")).to_contain_text(said)
        button(dialog, "Save").click()
        expect(dialog).to_be_visible()
    dialog.get_by_label("Kind of threshold 1").select_option("percent")
    value.fill("101")
    expect(fields(dialog).get_by_role("alert")).to_have_text("More than 0, and at most 100.")
    # The API's own rules are said there too.
    value.fill("50")
    button(dialog, "Add a threshold").click()
    dialog.get_by_label("Threshold 2", exact=True).fill("50")
    dialog.get_by_label("Kind of threshold 2").select_option("percent")
    button(dialog, "Save").click()
    expect(fields(dialog).get_by_role("alert")).to_have_text(
        "Thresholds must differ from one another."
    )
    assert person.api.get(f"/v1/meters/{meter_id}")["thresholds"] == []


def test_a_change_of_thresholds_that_failed_can_be_sent_again(person: Person) -> None:
    _, customer_id = shop(person, {"available_credits": 10})
    page = person.open(f"#/customers/{customer_id}")
    button(page, "Change the thresholds of API usage").click()
    dialog = page.get_by_role("dialog")
    button(dialog, "Its own").click()
    button(dialog, "Remove threshold 1").click()
    expect(dialog.get_by_text("With none, this customer causes no alert")).to_be_visible()

    def lose(route: Route) -> None:
        if route.request.method == "PUT":
            route.abort()
        else:
            route.fallback()

    page.route("**/thresholds", lose)
    button(dialog, "Save").click()
    expect(dialog.get_by_role("alert")).to_have_text(shows("can't be reached"))
    page.unroute("**/thresholds")
    button(dialog, "Save").click()
    expect(dialog).to_have_count(0)
    (own,) = [
        person.api.get(f"/v1/customer-meters/{meter['id']}/thresholds")
        for meter in person.api.meters_of(customer_id)
    ]
    assert (own["own"], own["thresholds"]) == (True, [])


def test_who_may_not_read_alerts_is_told_why(new_person: NewPerson) -> None:
    person = new_person()
    _, customer_id = shop(person, {"available_credits": 10})
    reader = person.with_token(person.token("customers:read", "meters:read"))
    page = reader.open("#/alerts")
    expect(page.get_by_text("Your token lacks the scope alerts:read.")).to_be_visible()
    page.goto(f"{person.service.url}/#/customers/{customer_id}")
    expect(page.get_by_text("lacks the scope customer_meters:read")).to_be_visible()
