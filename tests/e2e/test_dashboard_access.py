"""The dashboard is for everybody: axe finds nothing serious, and it fits a small screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPerson, Person, button

AXE: Final = Path(__file__).parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
STANDARD: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERIOUS: Final = ("serious", "critical")
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
    "settings",
)
DIALOGS: Final = {
    "customers": "Add customer",
    "customer": "Grant credits",
    "events": "Ingest event",
    "settings": "Create token",
    "meter": "Archive",
}


class Shop(NamedTuple):
    """An organization in which there is something to see on every page."""

    person: Person
    addresses: dict[str, str]


def open_shop(person: Person) -> Shop:
    api = person.api
    meter_id = api.meter()
    api.meter("m" * 120)
    customer_id = api.customer(
        name="A name that is long enough to need a line of its own", external_id="u" * 60
    )
    api.customer("overdrawn@example.com")
    api.ingest(customer_id, 123_456_789_012_345)
    api.ingest(customer_id, -123_456_789_012_345)
    api.ingest(customer_id, -10, note="Order 1042", plan="pro", region="eu-central-1", trial=False)
    api.ingest(customer_id, 12)
    (event, *_) = api.get("/v1/events/", customer_id=customer_id)["items"]
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
            "settings": "#/settings",
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
        if violation["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 380])
def test_axe_finds_nothing_serious_on_any_page(
    new_person: NewPerson, theme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("needs the dashboard's packages: make test installs them")
    # What is injected for the test is no part of the page, so the page's policy does not bind it.
    person = new_person(
        bypass_csp=True,
        color_scheme=theme,
        reduced_motion="reduce",
        # So high that the bar at the bottom covers nothing.
        viewport={"width": width, "height": 5_000},
    )
    shop = open_shop(person)
    page = person.open(signed_in=False)
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        page.evaluate(AXE.read_text())
        found[name] = faults(page)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            found[name].append(("wider than the screen", wider))

    look("sign_in")
    page.close()
    page = person.open()
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
        for barred in page.locator(".barred").all():
            barred.hover()
            expect(barred.get_by_role("tooltip")).to_be_in_viewport(ratio=1)
            assert page.evaluate("document.documentElement.scrollWidth") <= 380


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

    page.get_by_role("link", name="user@example.com").tap()
    button(page, "Grant credits").tap()
    page.get_by_label("Amount").fill("10")
    button(page.get_by_role("dialog"), "Grant credits").tap()

    expect(page.get_by_test_id("new-balance")).to_have_text("10 credits left")
    assert [meter["available_credits"] for meter in person.api.meters_of(customer_id)] == [10]


def test_on_a_small_screen_an_events_metadata_can_be_read_as_it_is_typed(
    new_person: NewPerson,
) -> None:
    page = new_person(viewport={"width": 380, "height": 780}).open("#/events")
    button(page, "Ingest event").first.click()
    dialog = page.get_by_role("dialog")

    for label in ("Key", "Value"):
        field = dialog.get_by_label(label, exact=True)
        field.fill("x" * 14)
        assert field.evaluate("field => field.scrollWidth <= field.clientWidth"), label
    expect(dialog.get_by_label("Kind of value")).to_be_in_viewport(ratio=1)
    expect(button(dialog, "Remove the entry")).to_be_in_viewport(ratio=1)
