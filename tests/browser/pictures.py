"""Write docs/report-*.png: a page as a reader sees it. `make pictures`, or pictures.py PAGE NAME... for some of them.
They need fonts of all scripts (Debian: fonts-noto-core, fonts-noto-cjk).

`items` and `rtl` show items' texts, so they are taken of the invented example only; the others may show real runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from watched import Watched, chromium

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ("items", "rtl")
EXAMPLE = ROOT / "reports" / "example" / "index.html"


def top(page: Page) -> None:
    page.evaluate("window.scrollTo(0, 0)")


def heat(page: Page) -> None:
    page.locator("#heat").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('heat').scrollIntoView()")


def arabic(page: Page) -> None:
    """The drill-down of a question in Arabic, the page itself laid out from right to left."""
    page.evaluate("document.documentElement.dir = 'rtl'")
    form = page.locator('form[data-for="items"]')
    form.locator('select[name="benchmark"]').select_option(label="XNLI")
    form.locator('select[name="language"]').select_option("ar")
    page.evaluate("document.getElementById('items').scrollIntoView()")


def items(page: Page) -> None:
    page.locator('form[data-for="items"] select[name="benchmark"]').select_option(label="XCOPA")
    page.evaluate("document.getElementById('items').scrollIntoView()")


PICTURES: dict[str, tuple[dict[str, Any], Any]] = {
    "desktop": ({"viewport": {"width": 1280, "height": 860}}, top),
    "items": ({"viewport": {"width": 1280, "height": 860}}, items),
    "phone": ({"viewport": {"width": 400, "height": 800}, "device_scale_factor": 2}, top),
    "dark": ({"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}, heat),
    "rtl": ({"viewport": {"width": 1280, "height": 860}}, arabic),
}


def main(place: str | None = None, *names: str) -> int:
    shown = Path(place).resolve() if place else EXAMPLE
    if wrong := [name for name in names if name not in PICTURES or (shown != EXAMPLE and name in TEXTS)]:
        sys.stderr.write(f"{', '.join(wrong)}: expected {', '.join(PICTURES)}; {' and '.join(TEXTS)} of the example\n")
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name in names or PICTURES:
            options, go = PICTURES[name]
            one = Watched(browser, reduced_motion="reduce", **options)
            page = one.open(shown)
            go(page)
            page.wait_for_timeout(300)
            page.screenshot(path=ROOT / "docs" / f"report-{name}.png")
            if one.problems:
                sys.stderr.write("\n".join(one.problems) + "\n")
                return 1
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
