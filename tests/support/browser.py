"""A real Chromium, and what a person does first in the dashboard."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.local_service import Service

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> str | None:
    """The browser on this machine: what ``AUREON_CHROMIUM`` names, or what is installed."""
    return os.environ.get("AUREON_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = executable()
    assert path, "There is no Chromium here: make test installs it where it can."
    with sync_playwright() as playwright:
        # As root, in a container, there is no sandbox to be had.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def sign_in(page: Page, service: Service) -> None:
    """Sign in, unless another tab of the browser has handed its session over."""
    token = page.get_by_label("Access token")
    pages = page.get_by_role("navigation", name="Pages of the dashboard")
    token.or_(pages).wait_for()
    if token.is_visible():
        token.fill(service.token)
        page.get_by_role("button", name="Sign in").click()
        pages.wait_for()
