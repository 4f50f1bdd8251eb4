"""A job of 10,000 URLs on the page.

With PAGE_TRACE set, what it costs is traced and printed; it is not judged, as machines differ.
"""

import os
from collections.abc import Callable
from pathlib import Path

from tests.browser.conftest import SCREENSHOTS
from tests.browser.devtools import Tab
from tests.running_service import RunningService

URLS = 10_000
FILL = """(() => {
  const box = document.getElementById("links");
  // The later ones are slow, so that the job is under way until it is cancelled.
  const image = (n) => `${n < 1500 ? "" : "/faults/latency/4000"}/images/numbered/scale-${n}.png`;
  box.value = Array.from({ length: COUNT }, (_, n) => `ORIGIN${image(n)}`).join("\\n");
  box.dispatchEvent(new Event("input"));
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


def test_ten_thousand_urls(launch: Callable[..., RunningService], tab: Tab) -> None:
    service = launch(WORKER_COUNT="1").wait_until_ready()
    tab.open(service.url + "/")
    tab.wait_text("Sandbox.")
    tab.run(FILL.replace("COUNT", str(URLS)).replace("ORIGIN", service.sandbox))
    tab.wait_text("10,000 images are ready")
    traced = "PAGE_TRACE" in os.environ
    if traced:
        tab.start_trace()
    tab.click("Upload 10,000 images")
    tab.wait_text("of 10,000 uploaded")
    tab.wait("parseInt(document.querySelector('p.figures').innerText) > 300")
    tab.screenshot(SCREENSHOTS / "10000-running.png")
    tab.run(SCROLL)
    tiles = tab.run("document.querySelectorAll('.tile').length")
    assert 0 < tiles < 100
    if traced:
        tell_costs(tab.traced_tasks(), tiles)
    tab.wait(AT_THE_END)
    tab.wait_text("scale-9999.png", ".tile:last-child")
    tab.screenshot(SCREENSHOTS / "10000-end.png")
    tab.run("scrollTo(0, 0)")
    tab.click("Cancel")
    tab.wait_text("Cancelled", ".pill")
    tab.wait_text("failed", "p.figures")


def tell_costs(tasks: list[dict], tiles: int) -> None:
    wall = sorted((task["dur"] / 1000 for task in tasks), reverse=True)
    processor = sorted((task.get("tdur", 0) / 1000 for task in tasks), reverse=True)
    load = Path("/proc/loadavg").read_text().split()[0]
    print(  # noqa: T201 - figures for whoever looks
        f"\n{URLS} URLs, {tiles} tiles, {len(tasks)} tasks of the main thread; the longest take"
        f" {[round(took) for took in processor[:5]]} ms of the processor,"
        f" {[round(took) for took in wall[:5]]} ms by the clock"
        f" (load {load} on {os.cpu_count()} cores)"
    )
