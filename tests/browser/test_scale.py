"""A job of 10,000 URLs on the page.

With PAGE_TRACE set, what it costs is traced and printed; it is not judged, as machines differ.
"""

import json
import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import SCREENSHOTS, press
from tests.browser.trace import ASK_FOR_FRAMES, CATEGORIES, NO_MORE_FRAMES, Costs, costs_of
from tests.running_service import RunningService

URLS = 10_000
# The later ones are slow: the job is under way until it is cancelled, and the page has a core.
PASTE = """([origin, count]) => {
  const image = (n) => `${n < 300 ? "" : "/faults/latency/4000"}/images/numbered/scale-${n}.png`;
  const data = new DataTransfer();
  const lines = Array.from({ length: count }, (_, n) => origin + image(n));
  data.setData("text/plain", lines.join("\\n"));
  const init = { clipboardData: data, bubbles: true, cancelable: true };
  document.getElementById("links").dispatchEvent(new ClipboardEvent("paste", init));
}"""
SCROLL = """(async () => {
  for (let step = 0; step < 120; step += 1) {
    scrollBy(0, step < 60 ? 900 : -900);
    await new Promise(requestAnimationFrame);
  }
})()"""


@pytest.mark.timeout(300)
def test_ten_thousand_urls(page: Page, browser: Browser, service: RunningService) -> None:
    traced = "PAGE_TRACE" in os.environ
    if traced:
        browser.start_tracing(page=page, categories=CATEGORIES)
        page.evaluate(ASK_FOR_FRAMES)
    page.evaluate(PASTE, [service.sandbox, URLS])
    expect(page.locator(".lists")).to_contain_text("List of 10,000 lines")
    expect(page.locator(".sum")).to_have_text("10,000 images are ready")
    press(page, "Upload 10,000 images")
    figures = page.locator("p.figures")
    expect(figures).to_contain_text(re.compile(r"^([3-9]\d\d|\d,\d{3}) of 10,000"))
    page.screenshot(path=SCREENSHOTS / "10000-running.png")
    page.evaluate(SCROLL)
    tiles = page.locator(".tile").count()
    assert 0 < tiles < 100
    if traced:
        page.evaluate(NO_MORE_FRAMES)
        tell(costs_of(json.loads(browser.stop_tracing())["traceEvents"]), tiles)
    page.evaluate("scrollTo(0, 1e9)")
    last = page.locator(".tile:last-child")
    expect(last).to_have_attribute("aria-posinset", "10000")
    expect(last).to_contain_text("scale-9999.png")
    page.screenshot(path=SCREENSHOTS / "10000-end.png")
    press(page, "Cancel")
    expect(page.locator("#toasts")).to_contain_text("Cancelled:")
    expect(page.locator(".head .pill")).to_have_text("Cancelled")
    expect(figures).to_contain_text("failed")


def tell(costs: Costs, tiles: int) -> None:
    figures = {
        "longest tasks of the main thread, by the clock": milliseconds(costs.tasks_by_clock),
        "longest tasks of the main thread, by its own time": milliseconds(costs.tasks_by_thread),
        "longest intervals between frames": milliseconds(costs.frame_intervals),
        "tasks, frames, tiles that exist": (
            f"{len(costs.tasks_by_clock)}, {len(costs.frame_intervals) + 1}, {tiles}"
        ),
        "load": f"{Path('/proc/loadavg').read_text().split()[0]} on {os.cpu_count()} cores",
    }
    print()  # noqa: T201 - figures for whoever looks
    for name, value in figures.items():
        print(f"{URLS} URLs, {name}: {value}")  # noqa: T201


def milliseconds(times: list[float]) -> str:
    return ", ".join(f"{time:.0f}" for time in times[:5]) + " ms"
