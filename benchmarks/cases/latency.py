"""Imgur takes 300 ms, as the real one does or more; everybody at their defaults."""

from benchmarks import contenders
from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.contender import Contender, Plan, measure
from benchmarks.processes import usable_cores
from benchmarks.progress import say

CASE = "latency"
_IMAGES_A_LANE = 15  # 4.5 seconds


def run(bench: Bench) -> None:
    """A round of it: each has as many images as keep it busy for the same time."""
    _run_product(bench)
    takers: list[tuple[Contender, int]] = [
        (contenders.BARE_LOOP, 1),
        (contenders.NAIVE, 4),
        (contenders.HUEY_DEFAULT, 1),
        (contenders.DRAMATIQ_DEFAULT, 8 * usable_cores()),
        (contenders.CELERY_DEFAULT, usable_cores()),
        (contenders.RQ_DEFAULT, 1),
    ]
    a_lane = bench.of(_IMAGES_A_LANE, 5)
    bench.take_turns(
        CASE,
        [
            (taker, Plan(DEFAULT_PICTURE, lanes * a_lane, lanes, slow=True))
            for taker, lanes in takers
        ],
    )


def _run_product(bench: Bench) -> None:
    # How many lanes its defaults give is known when it has started.
    with bench.running_product(slow=True) as product:
        count = product.lanes * bench.of(_IMAGES_A_LANE, 5)
        order = bench.site.order(DEFAULT_PICTURE, count, slow=True)
        turn = measure(product, bench.site, order)
        bench.results.add(CASE, bench.product.name, turn)
        say(f"{CASE}: {bench.product.name}, {product.lanes} lanes: {turn.rate:,.0f}/s")
