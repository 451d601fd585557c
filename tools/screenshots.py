"""README's pictures: the dashboard with a made-up shop, as ``make screenshots`` takes them.

With a folder as argument it takes every page instead, at every width and in both themes, to be
looked at.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page

from tests.support.browser import chromium, sign_in
from tests.support.local_service import Service, started

IMAGES: Final = Path(__file__).parents[1] / "docs" / "images"
SIZES: Final = {
    "wide": (1280, 860),
    "rail": (1024, 768),
    "tablet": (768, 1024),
    "narrow": (390, 780),
}
DIALOGS: Final = {
    "customers": "Add customer",
    "customer": "Grant credits",
    "events": "Add event",
    "settings": "Create token",
}
CUSTOMERS: Final = (
    ("ada@northwind.dev", "Northwind Labs", "org_4821"),
    ("billing@halcyon.io", "Halcyon", "org_5177"),
    ("ops@papertrail.app", "Papertrail", "org_5302"),
    ("finance@lumen.studio", "Lumen Studio", "org_5544"),
    ("hello@quill.so", "Quill", "org_5870"),
    ("team@atlasmaps.co", "Atlas Maps", "org_6019"),
)
TOKENS: Final = ("AI tokens", "completion", "tokens")
MOST_LOOKS: Final = 5_000
CALLS: Final = ("API calls", "api_call", "calls")


class Shop:
    """Fills a service with customers, meters and a month of events, the same at each time."""

    def __init__(self, service: Service) -> None:
        self._chance = random.Random(7)
        self._client = httpx.Client(
            base_url=service.url,
            headers={"Authorization": f"Bearer {service.token}"},
            timeout=60,
        )
        self._now = datetime.now(UTC)
        self._sent = 0

    def open(self) -> tuple[str, str, str]:
        """Fill it; return the ids of a customer, of a meter and of an event to look at."""
        meters = [self._meter(*meter) for meter in (TOKENS, CALLS)]
        customers = [
            self._post("/v1/customers/", {"email": email, "name": name, "external_id": external_id})
            for email, name, external_id in CUSTOMERS
        ]
        for place, customer in enumerate(customers):
            self._ingest(list(self._month_of(customer["id"], size=len(customers) - place)))
        self._wait_until_projected()
        (event,) = self._client.get("/v1/events/", params={"limit": 1}).json()["items"]
        return customers[0]["id"], meters[0]["id"], event["id"]

    def _meter(self, name: str, event_name: str, unit: str) -> dict[str, Any]:
        clause = {"property": "name", "operator": "eq", "value": event_name}
        return self._post(
            "/v1/meters/",
            {
                "name": name,
                "filter": {"conjunction": "and", "clauses": [clause]},
                "aggregation": {"func": "sum", "property": unit},
            },
        )

    def _month_of(self, customer_id: str, *, size: int) -> Iterator[dict[str, Any]]:
        for (_, name, unit), grant in ((TOKENS, 5_000 * size), (CALLS, 400)):
            yield self._event(customer_id, name, {unit: -grant, "note": "Starter pack"}, days=29.9)
        for day in range(30):
            for _ in range(1 + self._chance.randrange(2)):
                model = self._chance.choice(("small", "large"))
                tokens = self._chance.randrange(20, 110) * size * (1 + day % 7) // 4
                days = max(29.5 - day + self._chance.random() / 3, 0.001)
                yield self._event(
                    customer_id, TOKENS[1], {TOKENS[2]: tokens, "model": model}, days=days
                )
            if day % 3 == 0:
                yield self._event(
                    customer_id,
                    CALLS[1],
                    {CALLS[2]: self._chance.randrange(1, 40)},
                    days=29.4 - day,
                )
        for minutes in (2 * size, 5 * size):
            metadata = {TOKENS[2]: self._chance.randrange(20, 90) * size, "model": "large"}
            yield self._event(customer_id, TOKENS[1], metadata, days=minutes / 1_440)

    def _event(
        self, customer_id: str, name: str, metadata: dict[str, Any], *, days: float
    ) -> dict[str, Any]:
        return {
            "name": name,
            "customer_id": customer_id,
            "timestamp": (self._now - timedelta(days=days)).isoformat(),
            "metadata": metadata,
        }

    def _ingest(self, events: list[dict[str, Any]]) -> None:
        self._post("/v1/events/ingest", {"events": events})
        self._sent += len(events)

    def _post(self, path: str, body: Any) -> dict[str, Any]:
        answer = self._client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def _wait_until_projected(self) -> None:
        """What the charts show follows by a moment."""
        for _ in range(MOST_LOOKS):
            names = self._client.get("/v1/events/names").json()["items"]
            if sum(name["occurrences"] for name in names) >= self._sent:
                return
        raise RuntimeError("The service does not project what it was sent.")


@contextmanager
def shop() -> Iterator[tuple[Service, str, str, str]]:
    with tempfile.TemporaryDirectory() as folder, started(Path(folder) / "data") as run:
        service = run.ready()
        yield service, *Shop(service).open()


def page_of(browser: Browser, size: str, theme: str) -> Page:
    width, height = SIZES[size]
    return browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=1.5 if size == "narrow" else 1,
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.locator("[aria-busy]").first.wait_for(state="detached")
    page.evaluate("document.fonts.ready")


def look(folder: Path) -> None:
    """Take every page, at every width and in both themes."""
    folder.mkdir(parents=True, exist_ok=True)
    with shop() as (service, customer_id, meter_id, event_id), chromium() as browser:
        pages = {
            "overview": "#/",
            "customers": "#/customers",
            "customer": f"#/customers/{customer_id}",
            "meters": "#/meters",
            "meter": f"#/meters/{meter_id}",
            "new_meter": "#/meters/new",
            "events": "#/events",
            "event": f"#/events/{event_id}",
            "refund": f"#/events/{event_id}?open=refund",
            "running_dry": f"#/customers?meter={meter_id}",
            "statement": f"#/customers/{customer_id}/statement/{meter_id}",
            "liability": "#/liability",
            "alerts": "#/alerts?state=all",
            "webhooks": "#/webhooks",
            "activity": "#/activity",
            "settings": "#/settings",
        }
        for size in SIZES:
            for theme in ("light", "dark"):
                page = page_of(browser, size, theme)
                page.goto(service.url)
                page.screenshot(path=folder / f"{size}-{theme}-sign_in.png")
                sign_in(page, service)
                for name, address in pages.items():
                    page.goto(f"{service.url}/{address}")
                    settle(page)
                    page.screenshot(path=folder / f"{size}-{theme}-{name}.png", full_page=True)
                    if name in DIALOGS:
                        page.get_by_role("button", name=DIALOGS[name], exact=True).click()
                        page.screenshot(path=folder / f"{size}-{theme}-{name}-dialog.png")
                page.close()


def take() -> None:
    """Take README's pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with shop() as (service, customer_id, *_), chromium() as browser:
        for size, theme in (("wide", "light"), ("narrow", "dark")):
            page = page_of(browser, size, theme)
            page.goto(service.url)
            sign_in(page, service)
            for name, address in {
                "overview": "#/",
                "customer": f"#/customers/{customer_id}",
            }.items():
                page.goto(f"{service.url}/{address}")
                settle(page)
                page.screenshot(path=IMAGES / f"{name}-{size}.png")
            page.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    look(folder) if folder else take()
