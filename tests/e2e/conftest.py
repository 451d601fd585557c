"""A service, a browser, and people who use the dashboard, each in an organization of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from aureon.access import organizations, tokens
from aureon.storage import store as aureon_store
from aureon.storage.store import Store
from aureon_cli.engine import CREDENTIALS
from tests.support import browser as browsers
from tests.support.local_service import Run, Service, started

# Under load, answers take their time; a test that passes waits no longer than it must.
EXPECT_MILLISECONDS: Final = 20_000
expect.set_options(timeout=EXPECT_MILLISECONDS)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A service for all tests of the dashboard."""
    with started(tmp_path_factory.mktemp("dashboard") / "data") as run:
        run.ready()
        yield run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file: while it runs, nothing else can run an event loop."""
    if browsers.executable() is None:
        pytest.skip("needs Chromium: make test installs it where it can")
    with browsers.chromium() as browser:
        yield browser


@dataclass(frozen=True)
class Api:
    """What a test does beside the browser."""

    client: httpx.Client

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(path, params=parameters).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(path, json=body).raise_for_status().json()

    def meter(self, name: str = "API usage", **more: Any) -> str:
        clause = {"property": "name", "operator": "eq", "value": "api_usage"}
        body = {
            "name": name,
            "filter": {"conjunction": "and", "clauses": [clause]},
            "aggregation": {"func": "sum", "property": "units"},
        }
        return str(self.post("/v1/meters/", body | more)["id"])

    def customer(self, email: str = "user@example.com", **more: Any) -> str:
        return str(self.post("/v1/customers/", {"email": email, **more})["id"])

    def ingest(self, customer_id: str, units: Any, name: str = "api_usage", **more: Any) -> None:
        event = {"name": name, "customer_id": customer_id, "metadata": {"units": units, **more}}
        self.post("/v1/events/ingest", {"events": [event]})

    def meters_of(self, customer_id: str) -> list[dict[str, Any]]:
        meters: list[dict[str, Any]] = self.get(f"/v1/customers/{customer_id}/state")[
            "active_meters"
        ]
        return meters


@dataclass
class Person:
    """Somebody with a browser and a token. Whatever goes wrong in a page's code fails the test."""

    context: BrowserContext
    service: Service
    api: Api
    organization_id: str
    store: Store
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str = "", *, signed_in: bool = True, prefix: str = "/") -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        page.goto(self.service.url + prefix + address)
        if signed_in:
            browsers.sign_in(page, self.service)
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        # The browser reports refusals and lost connections, which tests bring about, by itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def token(self, *scopes: str, expires_at: datetime | None = None) -> str:
        token, _ = tokens.create(
            self.store.of(self.organization_id), scopes=scopes, expires_at=expires_at
        )
        return token

    def with_token(self, token: str) -> Person:
        service = Service(self.service.url, token, self.organization_id)
        return Person(self.context, service, self.api, self.organization_id, self.store)


NewPerson = Callable[..., Person]


@pytest.fixture
def new_person(shared: Run, browser: Browser) -> Iterator[NewPerson]:
    notice = json.loads((shared.data / "engine.json").read_text())
    store = Store(aureon_store.connect(notice["endpoint_url"], **CREDENTIALS), notice["table"])
    people: list[Person] = []

    def new(**options: Any) -> Person:
        organization_id = organizations.create(store, "Acme")
        token, _ = tokens.create(store.of(organization_id), name="mine")
        client = httpx.Client(
            base_url=notice["url"], headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        settings: Mapping[str, Any] = {
            "viewport": {"width": 1280, "height": 860},
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
            **options,
        }
        context = browser.new_context(**settings)
        context.set_default_timeout(EXPECT_MILLISECONDS)
        service = Service(notice["url"], token, organization_id)
        person = Person(context, service, Api(client), organization_id, store)
        people.append(person)
        return person

    yield new
    for person in people:
        person.context.close()
        person.api.client.close()
        assert not person.complaints


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    return new_person()


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def heading(page: Page, text: str) -> Locator:
    return page.get_by_role("heading", level=1, name=text, exact=True)


def credits_left(page: Page) -> Locator:
    return page.get_by_test_id("left")


def go_to(page: Page, name: str) -> None:
    """Follow a link of the sidebar."""
    pages = page.get_by_role("navigation", name="Pages of the dashboard")
    pages.get_by_role("link", name=name).click()
    expect(heading(page, name)).to_be_visible()


def choose(page: Page, action: str) -> None:
    """Take an action of the menu beside a page's heading."""
    button(page, "More actions").click()
    button(page, action).click()


def shows(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))
