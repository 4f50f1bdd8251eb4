"""CPU an image of both backends, all their processes counted, each at its defaults."""

import time

from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.contender import measure
from benchmarks.processes import cpu_seconds, usable_cores
from benchmarks.product import Product, RunningProduct
from benchmarks.progress import say

CASES = {False: "cost, no latency", True: "cost, Imgur taking 300 ms"}
IDLE = "idle"
BACKENDS = ("processes", "ray")
_IMAGES = 1_500
_WARM_UP = 300
_IDLE_SECONDS = 1.5


def run(bench: Bench) -> None:
    """A round of it, begun with the other backend in each."""
    for slow, case in CASES.items():
        for backend in BACKENDS if bench.number % 2 else reversed(BACKENDS):
            _take_turn(bench, backend, case, slow=slow)


def _take_turn(bench: Bench, backend: str, case: str, *, slow: bool) -> None:
    site = bench.site
    with Product(settings={"BACKEND": backend}).start(site, slow=slow) as running:
        running.client.wait_until_ready(usable_cores())
        running.run(site.order(DEFAULT_PICTURE, bench.of(_WARM_UP, 100), slow=slow, name="warm"))
        if not slow:
            bench.results.add_samples(IDLE, backend, [_idle(running)])
        turn = measure(
            running, site, site.order(DEFAULT_PICTURE, bench.of(_IMAGES, 200), slow=slow)
        )
    bench.results.add(case, backend, turn)
    say(f"{case}: {backend}: {turn.rate:,.0f}/s, {turn.cpu_ms:.2f} ms CPU an image")


def _idle(running: RunningProduct) -> float:
    """CPU seconds that all of its processes use in a second without work."""
    time.sleep(0.5)  # what the last order has left
    before, began = cpu_seconds(running.pids), time.perf_counter()
    time.sleep(_IDLE_SECONDS)
    return (cpu_seconds(running.pids) - before) / (time.perf_counter() - began)
