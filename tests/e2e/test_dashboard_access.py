"""The dashboard is for everybody: axe finds nothing, and it fits every screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPerson, Person, button
from tests.support import browser as browsers

AXE: Final = Path(__file__).parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS: Final = (390, 768, 1024, 1440)
A_FRAME: Final = """new Promise(done =>
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"""
# The page itself, or a table whose last columns nobody would see.
TOO_WIDE: Final = """[document.documentElement, ...document.querySelectorAll(".table")]
    .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
    .map(one => `${one.scrollWidth} in ${one.clientWidth}: ${one.innerText.slice(0, 80)}`)"""
PAGES: Final = (
    "sign_in",
    "overview",
    "customers",
    "customer",
    "meters",
    "new_meter",
    "meter",
    "events",
    "event",
    "refund",
    "running_dry",
    "statement",
    "statement_by_day",
    "liability",
    "alerts",
    "settings",
    "webhooks",
    "webhook",
    "activity",
)
DIALOGS: Final = {
    "customers": "Add customer",
    "customer": "Grant credits",
    "events": "Add event",
    "settings": "Create token",
    "meter": "Edit",
    "webhooks": "Add endpoint",
    "webhook": "Edit",
}


class Shop(NamedTuple):
    """An organization in which there is something to see on every page."""

    person: Person
    addresses: dict[str, str]


def open_shop(person: Person) -> Shop:
    api = person.api
    meter_id = api.meter(thresholds=[{"available_credits": 10_000}, {"percent": 12.5}])
    endpoint = api.post(
        "/v1/webhooks/endpoints",
        {"url": f"http://127.0.0.1:9/{'h' * 120}", "events": ["credits.low", "customer.created"]},
    )
    api.meter("m" * 120)
    customer_id = api.customer(
        name="A name that is long enough to need a line of its own", external_id="u" * 60
    )
    api.customer("overdrawn@example.com")
    api.ingest(customer_id, 123_456_789_012_345)
    api.ingest(customer_id, -123_456_789_012_345)
    api.ingest(customer_id, -10, note="Order 1042", plan="pro", region="eu-central-1", trial=False)
    api.ingest(customer_id, 12)
    lot = {"customer_id": customer_id, "name": "api_usage", "metadata": {"units": 1_000}}
    api.post("/v1/credits/grants", {**lot, "meter_id": meter_id, "recurrence": {"every": "month"}})
    gone = {**lot, "meter_id": meter_id, "expires_in_seconds": 86_400, "priority": 1}
    soon = api.post("/v1/credits/grants", gone)
    api.post(f"/v1/credits/grants/{soon['id']}/void", {})
    path = f"/v1/customer-meters/{customer_id}.{meter_id}/thresholds"
    own = [{"available_credits": 999_999}, {"percent": 99}]
    api.client.put(path, json={"thresholds": own, "notify_current": True}).raise_for_status()
    assert api.get("/v1/alerts/", customer_id=customer_id)["items"]
    # The other meter has no credits left.
    usage = {"name": "api_usage", "metadata": {"units": 3}, "limit": 100}
    spend = {"customer_id": customer_id, **usage}
    spent = api.post("/v1/credits/spend", spend)
    api.post(
        "/v1/credits/refunds",
        {
            "event_id": spent["id"],
            "meter_id": meter_id,
            "units": 1,
            "reason": "A reason that goes on and on " * 3,
        },
    )
    (event, *_) = api.get("/v1/events/", customer_id=customer_id)["items"]
    statement = f"#/customers/{customer_id}/statement/{meter_id}"
    return Shop(
        person,
        {
            "overview": "#/",
            "customers": "#/customers",
            "customer": f"#/customers/{customer_id}",
            "meters": "#/meters",
            "new_meter": "#/meters/new",
            "meter": f"#/meters/{meter_id}",
            "events": "#/events",
            "event": f"#/events/{event['id']}",
            "refund": f"#/events/{spent['id']}?open=refund",
            "running_dry": f"#/customers?meter={meter_id}&status=low",
            "statement": statement,
            "statement_by_day": f"{statement}?by=day",
            "liability": "#/liability",
            "alerts": "#/alerts?state=all",
            "settings": "#/settings",
            "webhooks": "#/webhooks",
            "webhook": f"#/webhooks/{endpoint['id']}",
            "activity": "#/activity",
        },
    )


def settle(page: Page) -> None:
    expect(page.locator("[aria-busy]")).to_have_count(0)


def faults(page: Page) -> list[Any]:
    found = page.evaluate(
        "standard => axe.run(document, { runOnly: standard, resultTypes: ['violations'] })",
        STANDARD,
    )
    return [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found["violations"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_and_everything_fits_at_every_width(
    new_person: NewPerson, theme: str
) -> None:
    if not AXE.exists():
        pytest.skip("needs the dashboard's packages: make test installs them")
    # What is injected for the test is no part of the page, so the page's policy does not bind it.
    person = new_person(bypass_csp=True, color_scheme=theme, reduced_motion="reduce")
    shop = open_shop(person)
    page = person.open(signed_in=False)
    axe = AXE.read_text()
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        found[name] = []
        for width in WIDTHS:
            # So high that the bar at the bottom covers nothing.
            page.set_viewport_size({"width": width, "height": 5_000})
            page.evaluate(A_FRAME)
            found[name] += [(width, what) for what in page.evaluate(TOO_WIDE)]
            if width in (WIDTHS[0], WIDTHS[-1]):
                page.evaluate(axe)
                found[name] += [(width, fault) for fault in faults(page)]

    look("sign_in")
    browsers.sign_in(page, person.service)
    for name, address in shop.addresses.items():
        page.goto(f"{person.service.url}/{address}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settle(page)
        look(name)
        if name in DIALOGS:
            button(page, DIALOGS[name]).first.click()
            look(f"{name}, {DIALOGS[name]}")
            page.keyboard.press("Escape")

    assert {name.partition(",")[0] for name in found} == set(PAGES)
    assert not {name: faults for name, faults in found.items() if faults}


def test_what_a_token_may_not_do_fits_a_small_screen(new_person: NewPerson) -> None:
    person = new_person(viewport={"width": 380, "height": 780})
    customer_id = person.api.customer()
    page = person.with_token(person.token("customers:read")).open()

    for address in ("#/", f"#/customers/{customer_id}", "#/meters/new", "#/settings"):
        page.goto(f"{person.service.url}/{address}")
        settle(page)
        for barred in page.locator(".barred:visible").all():
            barred.hover()
            expect(barred.get_by_role("tooltip")).to_be_in_viewport(ratio=1)
            assert page.evaluate("document.documentElement.scrollWidth") <= 380


@pytest.mark.parametrize("zoom", [2, 4])
def test_everything_fits_when_it_is_enlarged(new_person: NewPerson, zoom: int) -> None:
    """At 1,280 by 1,024 pixels: what is enlarged twice has half of them."""
    size = {"width": 1_280 // zoom, "height": 1_024 // zoom}
    person = new_person(viewport=size, device_scale_factor=zoom)
    shop = open_shop(person)
    page = person.open()
    found = {}
    for name, address in shop.addresses.items():
        page.goto(f"{person.service.url}/{address}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settle(page)
        page.evaluate(A_FRAME)
        found[name] = page.evaluate(TOO_WIDE)
        if name in DIALOGS:
            button(page, DIALOGS[name]).first.click()
            # What does not fit is scrolled to: its last button can be pressed.
            last = page.get_by_role("dialog").get_by_role("button").last
            last.scroll_into_view_if_needed()
            expect(last).to_be_in_viewport(ratio=1)
            found[f"{name}, {DIALOGS[name]}"] = page.evaluate(TOO_WIDE)
            page.keyboard.press("Escape")
    assert not {name: wide for name, wide in found.items() if wide}


def test_what_is_printed_is_on_white_and_has_nothing_to_press(new_person: NewPerson) -> None:
    person = new_person()
    shop = open_shop(person)
    page = person.open("#/settings")
    button(page, "Dark").click()
    page.goto(f"{person.service.url}/{shop.addresses['customer']}")
    settle(page)

    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("left").first).to_be_visible()
    for role in ("button", "navigation", "combobox", "checkbox"):
        expect(page.get_by_role(role)).to_have_count(0)


def test_the_theme_is_the_systems_until_somebody_chooses(new_person: NewPerson) -> None:
    person = new_person(color_scheme="dark")
    page = person.open("#/settings")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(background)

    button(page, "Light").click()
    light = page.evaluate(background)
    page.reload()

    assert page.evaluate(background) == light != dark
    button(page, "As the system").click()
    assert page.evaluate(background) == dark


def test_on_a_small_screen_a_grant_is_made_with_a_thumb(new_person: NewPerson) -> None:
    person = new_person(viewport={"width": 380, "height": 780}, has_touch=True, is_mobile=True)
    person.api.meter()
    customer_id = person.api.customer(name="Ada")
    page = person.open("#/customers")

    page.get_by_role("link", name="Ada").tap()
    button(page, "Grant credits").tap()
    page.get_by_label("Amount").fill("10")
    button(page.get_by_role("dialog"), "Grant credits").tap()

    expect(page.get_by_test_id("new-balance")).to_have_text("10 credits left")
    assert [meter["available_credits"] for meter in person.api.meters_of(customer_id)] == [10]


def test_on_a_small_screen_an_events_metadata_can_be_read_as_it_is_typed(
    new_person: NewPerson,
) -> None:
    page = new_person(viewport={"width": 380, "height": 780}).open("#/events")
    button(page, "Add event").first.click()
    dialog = page.get_by_role("dialog")

    for label in ("Key", "Value"):
        field = dialog.get_by_label(label, exact=True)
        field.fill("x" * 14)
        assert field.evaluate("field => field.scrollWidth <= field.clientWidth"), label
    expect(dialog.get_by_label("Kind of value")).to_be_in_viewport(ratio=1)
    expect(button(dialog, "Remove the entry")).to_be_in_viewport(ratio=1)
