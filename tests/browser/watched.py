"""A real Chromium, driven by Playwright; pages from files, the network watched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from report_runs import hostile_runs, two_runs

from xling_bench.report.build import Options, write_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """Path of the installed browser. Without one the test is skipped by name, or fails where one is required."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and os.environ.get("XLING_BROWSER") == "required":
        pytest.fail(f"no Chromium ({', '.join(NAMES)}), and XLING_BROWSER=required")
    if found is None:
        pytest.skip("no Chromium: the page is not tried in a browser (Debian: apt-get install chromium)")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        # Root in a container has no user namespaces to build the sandbox from.
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


class Watched:
    """A page and everything that went wrong on it: errors, requests other than for the page itself, dialogs."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context = browser.new_context(offline=True, **options)
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", lambda message: self._console(message.type, message.text))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._request(request.url))
        self.page.add_init_script(
            "document.addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective))"
        )

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.problems.append(f"{kind}: {text}")

    def _request(self, url: str) -> None:
        if not url.startswith("file://") or "index.html" not in url:
            self.problems.append(f"request: {url[:200]}")

    def open(self, page: Path, address: str = "") -> Page:
        self.page.goto(page.as_uri() + address)
        self.page.wait_for_selector("html[data-ready='yes']", state="attached", timeout=30_000)
        return self.page


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A desktop-sized page; whatever went wrong on it fails the test."""
    one = Watched(browser, viewport={"width": 1280, "height": 900})
    yield one
    one.context.close()
    assert one.problems == []


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return two_runs(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def page(runs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """index.html of two invented models."""
    return write_report(runs, tmp_path_factory.mktemp("site"), Options(draws=500, reference="afp"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """index.html of runs whose names, items and answers try to break out."""
    root = tmp_path_factory.mktemp("hostile")
    return write_report(hostile_runs(root), root / "site", Options(draws=500))
