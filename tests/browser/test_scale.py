"""A job of 10,000 URLs on the page. What it costs is printed, not judged: machines differ."""

import os
from pathlib import Path

from tests.browser.conftest import SCREENSHOTS
from tests.browser.devtools import Tab
from tests.running_service import RunningService

URLS = 10_000
FILL = """(() => {
  const box = document.getElementById("links");
  box.value = Array.from({ length: COUNT }, (_, n) => `ORIGIN/images/numbered/scale-${n}.png`)
    .join("\\n");
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


def test_ten_thousand_urls(page: Tab, service: RunningService) -> None:
    page.run(FILL.replace("COUNT", str(URLS)).replace("ORIGIN", service.sandbox))
    page.wait_text("10,000 images are ready")
    page.start_trace()
    page.click("Upload 10,000 images")
    page.wait_text("of 10,000 uploaded")
    page.wait("parseInt(document.querySelector('p.figures').innerText) > 300")
    page.screenshot(SCREENSHOTS / "10000-running.png")
    page.run(SCROLL)
    tiles = page.run("document.querySelectorAll('.tile').length")
    assert 0 < tiles < 100
    tell_costs(page.traced_tasks(), tiles)
    page.wait(AT_THE_END)
    page.wait_text("scale-9999.png", ".tile:last-child")
    page.screenshot(SCREENSHOTS / "10000-end.png")
    page.run("scrollTo(0, 0)")
    page.click("Cancel")
    page.wait_text("Cancelled", ".pill")
    page.wait_text("failed", "p.figures")


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
