"""1, 2 and 4 worker actors, Imgur taking 300 ms: images a second grow with the lanes.

On two cores the usual lanes of four workers would have the processor as their limit. Few lanes keep
the latency the limit, as it is on a cluster where each worker has a core.
"""

from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.contender import measure
from benchmarks.product import Product
from benchmarks.progress import say

CASE = "scaling"
WORKERS = (1, 2, 4)
LANES = 16
_IMAGES_A_LANE = 10  # 3 seconds
_WARM_UP_A_LANE = 3  # until the pace has let all lanes work


def run(bench: Bench) -> None:
    """A round of it, begun with another number of workers in each."""
    first = bench.number % len(WORKERS)
    for workers in WORKERS[first:] + WORKERS[:first]:
        settings = {
            "BACKEND": "ray",
            "WORKER_COUNT": str(workers),
            "WORKER_CONCURRENCY": str(LANES),
        }
        site = bench.site
        with Product(settings=settings).start(site, slow=True) as running:
            running.client.wait_until_ready(workers)
            warm_up = running.lanes * _WARM_UP_A_LANE
            running.run(site.order(DEFAULT_PICTURE, warm_up, slow=True, name="warm"))
            count = running.lanes * bench.of(_IMAGES_A_LANE, 5)
            turn = measure(running, site, site.order(DEFAULT_PICTURE, count, slow=True))
        bench.results.add(CASE, str(workers), turn)
        say(f"{CASE}: {workers} workers: {turn.rate:,.0f}/s, {turn.cpu_ms:.2f} ms CPU an image")
