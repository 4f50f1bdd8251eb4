"""Jobs of one URL to 100,000: whether the cost of an image depends on the job's size."""

import time

from benchmarks import contenders, processes
from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.contender import Plan, Turn, measure, take_turn
from benchmarks.processes import cpu_seconds
from benchmarks.product import RunningProduct
from benchmarks.product_client import job_body
from benchmarks.progress import say

CASE = "job sizes"
NAIVE_CASE = "job sizes, naive Manager"
MANY_JOBS = "1,000 jobs of 10"
MEMORY = "memory"
_IN_A_ROUND = {1: 30, 100: 10, 1_000: 1, 10_000: 1}  # URLs: jobs, one after the other
_LARGE = 100_000
_NAIVE_SIZES = (1_000, 8_000)


def run(bench: Bench) -> None:
    """A round of it."""
    with bench.running_product() as product:
        for size, jobs in _IN_A_ROUND.items():
            if size > bench.of(max(_IN_A_ROUND)):
                continue  # too long for the quick form
            _add(bench, f"{size:,}", _one_after_the_other(bench, product, size, jobs))
        _add(bench, MANY_JOBS, _at_once(bench, product, jobs=bench.of(1_000), urls=10))
        for role, used in product.memory():
            bench.results.add_samples(MEMORY, role, [used.proportional])


def run_once(bench: Bench) -> None:
    """The job that takes longest, and the growth of the shape that rewrites a job for each URL."""
    with bench.running_product() as product:
        order = bench.site.order(DEFAULT_PICTURE, bench.of(_LARGE), name="large")
        _add(bench, f"{order.count:,}", measure(product, bench.site, order))
        for role, used in product.memory():
            bench.results.add_samples(f"{MEMORY} after {order.count:,}", role, [used.proportional])
    for size in _NAIVE_SIZES:
        turn = take_turn(contenders.NAIVE, bench.site, Plan(DEFAULT_PICTURE, bench.of(size), 50))
        bench.results.add(NAIVE_CASE, f"{turn.images:,}", turn)
        say(f"{NAIVE_CASE}, {turn.images:,}: {turn.cpu_ms:.2f} ms CPU an image")


def _add(bench: Bench, name: str, turn: Turn) -> None:
    bench.results.add(CASE, name, turn)
    say(f"{CASE}: {name}: {turn.rate:,.0f}/s, {turn.cpu_ms:.2f} ms CPU an image")


def _one_after_the_other(bench: Bench, product: RunningProduct, size: int, jobs: int) -> Turn:
    # A small job costs less than the clock's tick: several are measured as one.
    before, wall = _cpu(bench, product), 0.0
    for number in range(jobs):
        wall += product.run(bench.site.order(DEFAULT_PICTURE, size, name=f"{size}-{number}"))
    return _turn(bench, product, size * jobs, wall, before)


def _at_once(bench: Bench, product: RunningProduct, jobs: int, urls: int) -> Turn:
    bodies = [
        job_body(bench.site.order(DEFAULT_PICTURE, urls, name=f"many-{number}").urls())
        for number in range(jobs)
    ]
    before, began = _cpu(bench, product), time.time()
    ids = [product.client.submit_body(body) for body in bodies]
    # Jobs take turns: the last one ends about when all others do.
    ends = [product.client.wait_complete(job, urls) for job in reversed(ids)]
    return _turn(bench, product, jobs * urls, max(ends) - began, before)


def _cpu(bench: Bench, product: RunningProduct) -> tuple[float, float]:
    return cpu_seconds(product.pids), cpu_seconds([bench.site.nginx.pid])


def _turn(
    bench: Bench, product: RunningProduct, images: int, wall: float, before: tuple[float, float]
) -> Turn:
    own, nginx = (end - begin for begin, end in zip(before, _cpu(bench, product), strict=True))
    return Turn(images, wall, own, 0.0, nginx, processes.memory(product.pids))
