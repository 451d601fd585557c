"""The page for customers, in a browser: what is left, what was used, why; and in whose frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.e2e.conftest import NewPerson, Person
from tests.e2e.test_dashboard_access import AXE, TOO_WIDE, faults

WIDTHS = (380, 1280)


class Visit:
    """An organization with a customer, who opens the page."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.api = api = person.api
        self.meter_id = api.meter("AI credits", group_by=["model"], unit="token")
        self.customer_id = api.customer(name="Ada Lovelace")
        lot = {
            "customer_id": self.customer_id,
            "meter_id": self.meter_id,
            "name": "api_usage",
            "metadata": {"units": 1_000},
        }
        api.post("/v1/credits/grants", lot | {"expires_in_seconds": 86_400})
        for model, units in (("small", 30), ("large", 12)):
            api.ingest(self.customer_id, units, model=model, secret="margin")
        self.wait_for_quantities()

    def wait_for_quantities(self) -> None:
        """They follow ingestion by a moment."""
        path = f"/v1/meters/{self.meter_id}/quantities"
        year = {
            "start_timestamp": "2026-01-01T00:00:00Z",
            "end_timestamp": "2030-01-01T00:00:00Z",
            "interval": "year",
        }
        for _ in range(2_000):
            if self.api.get(path, **year)["used_units"] == 42:
                return
        raise AssertionError("the events were not projected")

    def settings(self, **chosen: Any) -> None:
        changed = self.api.client.patch("/v1/organizations/current", json=chosen)
        changed.raise_for_status()

    def url(self, **more: Any) -> str:
        named = {"customer_id": self.customer_id, **more}
        opened = self.api.post("/v1/customer-sessions/", named)
        return str(opened["customer_portal_url"])

    def open(self, **more: Any) -> Page:
        page = self.person.context.new_page()
        page.goto(self.url(**more))
        settle(page)
        return page


def settle(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator('[aria-busy="true"]')).to_have_count(0)


@pytest.fixture
def visit(new_person: NewPerson) -> Visit:
    return Visit(new_person(accept_downloads=True))


def test_a_customer_sees_what_is_left_until_when_what_was_used_and_why(visit: Visit) -> None:
    visit.settings(name="Acme", portal_metadata_keys=["model"])
    page = visit.open(return_url="https://acme.dev/home")

    expect(page.get_by_text("Acme", exact=True)).to_be_visible()
    expect(page).to_have_title("Acme")
    expect(page.get_by_role("heading", level=1)).to_have_text("Usage of Ada Lovelace")
    expect(page.get_by_role("link", name="Back")).to_have_attribute("href", "https://acme.dev/home")
    balance = page.get_by_test_id("balance")
    expect(balance).to_contain_text("958 tokens left")
    expect(balance.get_by_test_id("next-expiry")).to_contain_text("958 tokens will expire")
    expect(page.get_by_test_id("total")).to_contain_text("42 tokens used")
    page.get_by_label("Broken down by").select_option("model")
    broken = page.get_by_role("region", name="By model")
    expect(broken.get_by_role("row", name="small 30")).to_be_visible()
    expect(broken.get_by_role("row", name="large 12")).to_be_visible()
    sums = page.get_by_test_id("sums")
    expect(sums).to_contain_text("+1,000")
    expect(sums).to_contain_text("\u221242")
    expect(sums).to_contain_text("958")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download CSV").click()
    text = Path(downloading.value.path()).read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kind"] for row in rows].count("usage") == 2
    assert rows[-1]["balance"] == "-958"
    assert "margin" not in page.content() + text


def test_what_is_of_another_selection_is_dimmed_until_the_answer_comes(visit: Visit) -> None:
    page = visit.open()
    held: list[Route] = []
    for label, asked, figure in (
        ("Time", "/quantities?", page.get_by_test_id("total")),
        ("Time of the statement", "/statement?", page.get_by_test_id("sums")),
    ):
        page.route(f"**{asked}*", lambda route: held.append(route))
        page.get_by_label(label, exact=True).select_option("year")
        expect(page.locator(".stale[aria-busy]", has=figure)).to_be_visible()
        page.unroute(f"**{asked}*")
        while held:
            with suppress(Error):
                held.pop().continue_()
        settle(page)
        expect(page.locator(".stale")).to_have_count(0)
        expect(figure).to_contain_text("42")


def test_the_token_is_no_part_of_any_request_for_files_and_leaves_the_address(
    visit: Visit,
) -> None:
    url = visit.url()
    token = url.partition("#")[2]
    page = visit.person.context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    settle(page)
    assert asked
    assert not [one for one in asked if token in one]
    assert token not in page.url
    page.reload()
    settle(page)
    expect(page.get_by_test_id("balance")).to_be_visible()


def test_a_session_that_ended_or_is_of_another_organization_shows_nothing(visit: Visit) -> None:
    url = visit.url()
    page = visit.person.context.new_page()
    page.goto(url.replace("organization=", "organization=x"))
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    page = visit.person.context.new_page()
    page.goto(url.partition("#")[0])
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
    visit.api.client.delete(f"/v1/customers/{visit.customer_id}").raise_for_status()
    page.goto("about:blank")
    page.goto(url)
    expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("colour", ["#ffff00", "#000000", "#ffffff", "#ff0000"])
def test_axe_finds_nothing_whatever_the_colour_and_it_fits_a_phone(
    new_person: NewPerson, theme: str, colour: str
) -> None:
    if not AXE.exists():
        pytest.skip("needs the dashboard's packages: make test installs them")
    visit = Visit(new_person(bypass_csp=True, color_scheme=theme, reduced_motion="reduce"))
    visit.settings(colour=colour, portal_metadata_keys=["model"])
    page = visit.open()
    page.get_by_label("Broken down by").select_option("model")
    expect(page.get_by_role("region", name="By model")).to_be_visible()
    page.get_by_text("Figures", exact=True).click()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 3_000})
        page.evaluate(AXE.read_text())
        assert not faults(page)
        assert not page.evaluate(TOO_WIDE)


def test_a_theme_of_the_address_wins(visit: Visit) -> None:
    page = visit.person.context.new_page()
    page.goto(visit.url().replace("#", "&theme=dark#"))
    settle(page)
    assert page.locator("html").get_attribute("data-theme") == "dark"


@pytest.fixture
def host() -> Iterator[tuple[str, dict[str, str]]]:
    """Somebody else's site, which shows what it is given; and its address."""
    shown = {"html": ""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(shown["html"].encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", shown
    server.shutdown()


def test_only_listed_origins_have_it_in_a_frame_and_call_its_api(
    visit: Visit, host: tuple[str, dict[str, str]]
) -> None:
    """The first visit finds the origins: a container keeps them for a while."""
    origin, shown = host
    visit.settings(origins=[origin])
    url = visit.url()
    token = url.partition("#")[2]
    shown["html"] = f'<iframe src="{url}" width="800" height="800"></iframe>'
    page = visit.person.context.new_page()
    page.goto(origin)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_test_id("balance")).to_contain_text("958 tokens left")
    call = f"""async () => (await fetch(
        "{visit.person.service.url}/v1/customer-portal/customers/me",
        {{ headers: {{ authorization: "Bearer {token}" }} }},
    )).json()"""
    assert page.evaluate(call)["name"] == "Ada Lovelace"

    visit.settings(origins=["https://other.dev"])
    assert page.evaluate(f"({call})().catch(error => error.message)") == "Failed to fetch"


def test_a_stranger_has_it_in_no_frame(visit: Visit, host: tuple[str, dict[str, str]]) -> None:
    origin, shown = host
    visit.settings(origins=["https://other.dev"])
    shown["html"] = f'<iframe src="{visit.url()}" width="800" height="800"></iframe>'
    page = visit.person.context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(origin)
    page.wait_for_load_state("load")
    expect(page.frame_locator("iframe").get_by_test_id("balance")).to_have_count(0)
    assert [text for text in refused if "frame-ancestors" in text or "Framing" in text]
