"""Both themes, phone and desktop: screenshots for people to look at, and axe-core over each."""

import json

import pytest

from tests.browser.conftest import PICTURES, SCREENSHOTS
from tests.browser.devtools import Chromium, Tab
from tests.running_service import RunningService

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
VIEWS = ("jobs", "gallery", "status")
RUN_AXE = """axe.run(document, { resultTypes: ["violations"] }).then((found) =>
  found.violations.map((v) => [v.id, v.nodes.map((n) => n.html + " " + n.failureSummary)]))"""


class Look:
    """The page in one theme and size."""

    def __init__(self, tab: Tab, name: str) -> None:
        self._tab = tab
        self._name = name

    def take(self, what: str) -> None:
        """A screenshot; nothing may stick out to the side."""
        self._tab.screenshot(SCREENSHOTS / f"{what}-{self._name}.png")
        assert self._tab.run("document.documentElement.scrollWidth <= innerWidth"), what

    def check(self, axe: str) -> None:
        if not axe:
            return  # there is a test that says so
        if not self._tab.run("typeof axe === 'object'"):
            self._tab.run(axe + "; 1")
        assert self._tab.run(RUN_AXE) == []


def test_axe_is_there(chromium: Chromium, axe: str) -> None:
    if not axe:
        pytest.skip("NO AXE-CORE: accessibility was NOT checked; `make` fetches it by npm")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view(tab: Tab, service: RunningService, axe: str, theme: str, size: str) -> None:
    width, height = SIZES[size]
    tab.look(width=width, height=height, dark=theme == "dark", phone=size == "phone")
    look = Look(tab, f"{theme}-{size}")
    tab.open(service.url + "/")
    tab.wait_text("Sandbox.")
    tab.wait_text("Ready", "#health")
    look.take("empty")
    look.check(axe)
    tab.click("Load the sample images")
    tab.wait_text("17 images are ready")
    tab.run(
        "document.getElementById('links').value += '\\nftp://example.com/a.png';"
        "document.getElementById('links').dispatchEvent(new Event('input')); 1"
    )
    tab.wait_text("1 entry cannot be used")
    look.take("filled")
    tab.click("Options", "summary")
    tab.run("document.querySelector('.options').scrollIntoView()")
    look.take("options")
    look.check(axe)
    tab.click("Upload 17 images")
    tab.wait("document.querySelectorAll('.tile[data-state=complete]').length")
    look.take("running")
    tab.wait_text("Partly failed", ".pill")
    tab.wait(PICTURES)
    look.take("complete")
    look.check(axe)
    tab.click("Delete", ".tile button")
    tab.wait_text("Delete this image?", "dialog")
    look.take("delete")
    look.check(axe)
    tab.click("Keep it")
    tab.click("Failed ", ".tabs button")
    tab.wait("document.querySelectorAll('.tile').length === 3")
    look.take("failed")
    look.check(axe)
    for view in VIEWS:
        tab.run(f"location.hash = '#/{view}'")
        tab.wait(f"document.querySelector('main h1').innerText.toLowerCase() === '{view}'")
        tab.wait("!document.querySelector('main').innerText.includes('Loading')")
        tab.wait(PICTURES)
        look.take(view)
        look.check(axe)


def test_paint_and_transfer(page: Tab) -> None:
    """Nothing before the images comes near 100 KB; when the first paint was is printed."""
    sizes = page.run(
        "[...performance.getEntries()]"
        ".map((entry) => entry.transferSize ?? 0).reduce((sum, size) => sum + size, 0)"
    )
    paints = page.run(
        "JSON.stringify(Object.fromEntries(performance.getEntriesByType('paint')"
        ".map((entry) => [entry.name, entry.startTime])))"
    )
    print(f"\nTransfer before images: {sizes} bytes")  # noqa: T201 - figures for whoever looks
    for name, time in json.loads(paints).items():
        print(f"{name}: {time:.0f} ms")  # noqa: T201
    assert 0 < sizes < 100_000
