"""A job of one URL behind one of 100,000: whether a small client waits for a large one."""

import time

from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.product import RunningProduct
from benchmarks.progress import say

CASE = "overtaking"
_LARGE = 100_000
_JOBS = 10


def names(*, slow: bool) -> tuple[str, str]:
    """What the samples on an idle service are called, and those behind the large job."""
    to = "Imgur taking 300 ms" if slow else "no latency"
    return f"{to}, idle", f"{to}, behind {_LARGE:,} URLs"


def run(bench: Bench) -> None:
    """A round of it, with latency and without."""
    for slow in (True, False):
        idle, behind = names(slow=slow)
        with bench.running_product(slow=slow) as product:
            _sample(bench, product, idle, slow=slow)
            large = bench.site.order(DEFAULT_PICTURE, _LARGE, slow=slow, name="large")
            product.client.submit(large.urls())
            time.sleep(1.0)  # all lanes are at it
            _sample(bench, product, behind, slow=slow)


def _sample(bench: Bench, product: RunningProduct, name: str, *, slow: bool) -> None:
    taken = []
    for number in range(bench.of(_JOBS, 4)):
        order = bench.site.order(DEFAULT_PICTURE, 1, slow=slow, name=f"single-{number}")
        taken.append(product.run(order))
    bench.results.add_samples(CASE, name, taken)
    say(f"{CASE}: {name}: {1000 * sorted(taken)[len(taken) // 2]:.0f} ms")
