"""How long the HTTP side takes while all lanes work and the queue is never empty."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable

from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.product_client import ProductClient, job_body
from benchmarks.progress import say

CASE = "responsiveness"
POST = "POST of 10,000 URLs"
STATUS_LARGE = "status of a 10,000-URL job"
STATUS_SMALL = "status of a 1,000-URL job"
STATUS_LIMITED = "status of a 10,000-URL job, ?limit=100"
_POSTS = 40
_POST_EVERY_SECONDS = 0.15
_STATUS_EVERY_SECONDS = 0.02


def run(bench: Bench) -> None:
    """A round of it: one client sends jobs, another asks how they stand."""
    large = job_body(bench.site.order(DEFAULT_PICTURE, 10_000, name="large").urls())
    small = job_body(bench.site.order(DEFAULT_PICTURE, 1_000, name="small").urls())
    taken: dict[str, list[float]] = defaultdict(list)
    with bench.running_product() as product, ProductClient(product.client.url) as asking:
        large_job, small_job = (product.client.submit_body(body) for body in (large, small))
        done = threading.Event()
        asker = threading.Thread(target=_ask, args=(asking, large_job, small_job, taken, done))
        asker.start()
        for _ in range(bench.of(_POSTS, 10)):
            taken[POST].append(_timed(lambda: product.client.submit_body(large)))
            time.sleep(_POST_EVERY_SECONDS)
        done.set()
        asker.join()
    for name, values in taken.items():
        bench.results.add_samples(CASE, name, values)
        say(f"{CASE}: {name}: longest of {len(values)}: {1000 * max(values):.1f} ms")


def _ask(
    client: ProductClient,
    large: str,
    small: str,
    taken: dict[str, list[float]],
    done: threading.Event,
) -> None:
    requests = {
        STATUS_SMALL: lambda: client.status(small),
        STATUS_LARGE: lambda: client.status(large),
    }
    if client.can_limit(large):
        requests[STATUS_LIMITED] = lambda: client.status(large, limit=100)
    while not done.is_set():
        for name, request in requests.items():
            taken[name].append(_timed(request))
            time.sleep(_STATUS_EVERY_SECONDS)


def _timed(request: Callable[[], object]) -> float:
    began = time.perf_counter()
    request()
    return time.perf_counter() - began
