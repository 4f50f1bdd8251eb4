"""A job of 10,000 URLs on the page.

With PAGE_TRACE set, what it costs is traced and printed; it is not judged, as machines differ.
"""

import json
import os
from pathlib import Path

import pytest

from tests.browser.conftest import SCREENSHOTS
from tests.browser.devtools import Tab
from tests.browser.trace import ASK_FOR_FRAMES, NO_MORE_FRAMES, Costs, costs_of
from tests.running_service import RunningService

URLS = 10_000
# The later ones are slow: the job is under way until it is cancelled, and the page has a core.
PASTE = """(() => {
  const image = (n) => `${n < 300 ? "" : "/faults/latency/4000"}/images/numbered/scale-${n}.png`;
  const data = new DataTransfer();
  const lines = Array.from({ length: COUNT }, (_, n) => ORIGIN + image(n));
  data.setData("text/plain", lines.join("\\n"));
  const init = { clipboardData: data, bubbles: true, cancelable: true };
  document.getElementById("links").dispatchEvent(new ClipboardEvent("paste", init));
})()"""
SCROLL = """(async () => {
  for (let step = 0; step < 120; step += 1) {
    scrollBy(0, step < 60 ? 900 : -900);
    await new Promise(requestAnimationFrame);
  }
})()"""
AT_THE_END = (
    "scrollTo(0, 1e9), document.querySelector('.tile:last-child')?.ariaPosInSet === '10000'"
)


@pytest.mark.timeout(300)
def test_ten_thousand_urls(page: Tab, service: RunningService) -> None:
    traced = "PAGE_TRACE" in os.environ
    if traced:
        page.start_trace()
        page.run(ASK_FOR_FRAMES)
    page.run(PASTE.replace("COUNT", str(URLS)).replace("ORIGIN", json.dumps(service.sandbox)))
    page.wait_text("List of 10,000 lines")
    page.wait_text("10,000 images are ready")
    page.click("Upload 10,000 images")
    page.wait("parseInt(document.querySelector('p.figures')?.innerText) > 300")
    page.screenshot(SCREENSHOTS / "10000-running.png")
    page.run(SCROLL)
    tiles = page.run("document.querySelectorAll('.tile').length")
    assert 0 < tiles < 100
    if traced:
        page.run(NO_MORE_FRAMES)
        tell(costs_of(page.end_trace()), tiles)
    page.wait(AT_THE_END)
    page.wait_text("scale-9999.png", ".tile:last-child")
    page.screenshot(SCREENSHOTS / "10000-end.png")
    page.run("scrollTo(0, 0)")
    page.click("Cancel")
    page.wait_text("Cancelled:", "#toasts")
    page.wait_text("Cancelled", ".pill")
    page.wait_text("failed", "p.figures")


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
