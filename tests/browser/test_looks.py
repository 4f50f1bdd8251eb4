"""Phone and desktop, this in both themes: screenshots for people, and axe-core over each."""

import json
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    SCREENSHOTS,
    complete,
    go_to,
    open_front,
    press,
    see_pictures,
    send,
    tiles,
)
from tests.running_service import RunningService

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
RUN_AXE = """(only) => axe.run(document, { resultTypes: ["violations"], ...only }).then((found) =>
  found.violations.map((v) => [v.id, v.nodes.map((n) => n.html + " " + n.failureSummary)]))"""
# Themes are colours alone: the page is one and the same in both, so one size shows the dark one.
Theme = Literal["light", "dark"]
THEMES: dict[str, tuple[Theme, ...]] = {"desktop": ("light", "dark"), "phone": ("light",)}
RULES: dict[Theme, dict[str, list[str]]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast", "link-in-text-block"]},
}


class Look:
    """The page in one size and its themes."""

    def __init__(self, page: Page, size: str, axe: str) -> None:
        self._page = page
        self._size = size
        self._axe = axe
        if axe:  # there is a test that says so where it is missing
            page.evaluate(axe + "; 1")

    def take(self, what: str, *, checked: bool = False) -> None:
        """Screenshots; nothing may stick out to the side, and axe may find nothing."""
        for theme in THEMES[self._size]:
            self._page.emulate_media(color_scheme=theme)
            self._page.screenshot(path=SCREENSHOTS / f"{what}-{theme}-{self._size}.png")
            # On a phone innerWidth grows with what sticks out.
            width = self._page.viewport_size["width"]
            assert self._page.evaluate("document.documentElement.scrollWidth") <= width, what
            if checked and self._axe:
                assert self._page.evaluate(RUN_AXE, RULES[theme]) == []

    def check(self, what: str) -> None:
        self.take(what, checked=True)


def test_axe_is_there(chromium: str, axe: str) -> None:
    if not axe:
        pytest.skip("NO AXE-CORE: accessibility was NOT checked; `make` fetches it by npm")


@pytest.mark.parametrize("size", SIZES)
def test_every_view(
    new_page: Callable[..., Page], service: RunningService, axe: str, size: str
) -> None:
    width, height = SIZES[size]
    page = new_page(viewport={"width": width, "height": height}, is_mobile=size == "phone")
    open_front(page, service)
    look = Look(page, size, axe)
    expect(page.locator("#health")).to_contain_text("Ready")
    look.check("empty")
    press(page, "Load the sample images")
    expect(page.locator(".sum")).to_contain_text("17 images are ready")
    box = page.locator("#links")
    box.fill(box.input_value() + "\nftp://example.com/a.png")
    expect(page.locator(".sum")).to_contain_text("1 entry cannot be used")
    look.take("filled")
    page.locator(".options summary").click()
    page.locator(".options").scroll_into_view_if_needed()
    look.check("options")
    press(page, "Upload 17 images")
    expect(tiles(page, "complete")).not_to_have_count(0)
    look.take("running")
    complete(page, "Partly failed")
    see_pictures(page)
    look.check("complete")
    press(page, "Delete ")
    expect(page.get_by_role("dialog")).to_contain_text("Delete this image?")
    look.check("delete")
    press(page, "Keep it")
    page.locator(".tabs").get_by_role("button", name="Failed").click()
    expect(page.locator(".tile")).to_have_count(2)
    look.check("failed")
    for view in ("Jobs", "Gallery", "Status"):
        go_to(page, view)
        expect(page.get_by_role("heading", level=1)).to_have_text(view)
        expect(page.get_by_role("main")).not_to_contain_text("Loading")
        if view == "Gallery":
            see_pictures(page)
        look.check(view.lower())


def test_all_of_it_fits_into_320_pixels(
    new_page: Callable[..., Page], service: RunningService
) -> None:
    """As on a small phone, or on a desktop at 400 % (WCAG 2.2, 1.4.10)."""
    page = open_front(new_page(viewport={"width": 320, "height": 568}), service)
    page.locator(".options summary").click()
    for view in ("Upload", "Jobs", "Gallery", "Status"):
        go_to(page, view)
        expect(page.get_by_role("main")).not_to_contain_text("Loading")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, view
        for part in page.locator(".top nav a, .card, .fields input").all():
            box = part.bounding_box()
            assert box["x"] + box["width"] <= 320 - 16, view


def test_the_figures_of_a_job_fit_into_its_row(page: Page, service: RunningService) -> None:
    """At the widths between a phone and a desktop, too: a tablet, or half a screen."""
    service.upload_all([f"{service.sandbox}/faults/status/404"])
    go_to(page, "Jobs")
    figures = page.locator(".jobs .figures").first
    for width in range(320, 1000, 32):
        page.set_viewport_size({"width": width, "height": 900})
        text, row = figures.bounding_box(), page.locator(".jobs").bounding_box()
        assert text["x"] + text["width"] <= row["x"] + row["width"], width


def test_what_has_the_focus_is_not_behind_the_header(page: Page) -> None:
    """WCAG 2.2, 2.4.11."""
    go_to(page, "Status")
    page.locator("main").evaluate("(main) => { main.style.minHeight = '300vh'; }")
    page.get_by_role("heading", name="Status", level=1).evaluate(
        "(head) => { const button = document.createElement('button'); head.after(button);"
        " scrollBy(0, button.getBoundingClientRect().top - 5); }"
    )
    page.locator(".foot a").first.evaluate("(link) => link.focus({ preventScroll: true })")
    page.keyboard.press("Shift+Tab")
    focused = page.locator("main button:focus")
    expect(focused).to_have_count(1)
    head = page.locator(".top").bounding_box()
    assert focused.bounding_box()["y"] >= head["y"] + head["height"]


def test_long_reasons_can_be_read_on_narrow_tiles(
    new_page: Callable[..., Page], service: RunningService
) -> None:
    page = open_front(new_page(viewport={"width": 400, "height": 800}), service)
    counts = {"total": 1, "pending": 0, "complete": 0, "failed": 1}
    reason = "Imgur refused the image. " * 12
    result = {"url": "https://example.com/1.png", "state": "failed", "attempts": 1}
    job = {"id": "long", "created": "2026-01-01T00:00:00.000Z", "finished": None, "counts": counts}
    job |= {"status": "complete", "results": [{**result, "message": reason}], "next": None}
    events = "".join(f"event: {name}\ndata: {json.dumps(job)}\n\n" for name in ("snapshot", "end"))
    page.route(
        "**/events", lambda route: route.fulfill(body=events, content_type="text/event-stream")
    )
    page.evaluate("location.hash = '#/job/long'")
    caption = page.locator(".tile .caption")
    expect(caption).to_contain_text(reason.strip())
    ends = caption.evaluate(
        """(caption) => {
          const name = caption.querySelector(".name").clientHeight;
          caption.scrollTop = 1e9;
          const end = (element) => element.getBoundingClientRect().bottom;
          return [name, end(caption) - end(caption.querySelector(".why"))];
        }"""
    )
    assert min(ends) > 0


def test_forced_colors_show_what_is_selected_and_done(
    new_page: Callable[..., Page], service: RunningService
) -> None:
    page = open_front(new_page(forced_colors="active"), service)
    send(page, [f"{service.sandbox}/images/small.png"])
    complete(page)
    look = "(element, name) => getComputedStyle(element)[name]"
    tabs = page.locator(".tabs button")
    tabs.nth(1).hover()
    assert len({tab.evaluate(look, "borderBottomColor") for tab in tabs.all()}) == 2
    views = page.locator(".top nav a")
    assert len({view.evaluate(look, "textDecorationLine") for view in views.all()}) == 2
    canvas = page.locator("body").evaluate(look, "backgroundColor")
    assert page.locator(".bar.large .done").evaluate(look, "backgroundColor") != canvas


def test_marks_of_direction_turn_no_reason_around(page: Page) -> None:
    page.locator("#links").fill("no \u202e link")
    reason = page.locator(".aside li .quiet")
    first, last = page.evaluate(
        """(text) => [0, text.textContent.length - 1].map((place) => {
          const range = document.createRange();
          range.setStart(text.firstChild, place);
          range.setEnd(text.firstChild, place + 1);
          return range.getBoundingClientRect().left;
        })""",
        reason.element_handle(),
    )
    assert first < last


def test_paint_and_transfer(page: Page) -> None:
    """Nothing before the images comes near 100 KB; when the first paint was is printed."""
    sizes = page.evaluate(
        "[...performance.getEntries()]"
        ".map((entry) => entry.transferSize ?? 0).reduce((sum, size) => sum + size, 0)"
    )
    paints = page.evaluate(
        "performance.getEntriesByType('paint').map((entry) => [entry.name, entry.startTime])"
    )
    print(f"\nTransfer before images: {sizes} bytes")  # noqa: T201 - figures for whoever looks
    for name, time in paints:
        print(f"{name}: {time:.0f} ms")  # noqa: T201
    assert 0 < sizes < 100_000
