"""No latency anywhere: what the machinery itself costs, each at its best."""

from benchmarks import contenders
from benchmarks.bench import DEFAULT_PICTURE, Bench
from benchmarks.contender import Contender, Plan

CASE = "throughput"


def run(bench: Bench) -> None:
    """A round of it."""
    takers: list[tuple[Contender, int, int]] = [
        (bench.product, 2_000, 200),
        (contenders.BARE_LOOP, 1_000, 50),
        (contenders.NAIVE, 2_000, 100),
        (contenders.HUEY_4, 2_000, 200),
        (contenders.DRAMATIQ_DEFAULT, 2_000, 200),
        (contenders.DRAMATIQ_4, 2_000, 200),
        (contenders.CELERY_CPUS, 1_000, 100),
        (contenders.CELERY_4, 1_000, 100),
        (contenders.RQ_SIMPLE_4, 400, 40),
        (contenders.RQ_4, 60, 8),
    ]
    bench.take_turns(
        CASE,
        [
            (taker, Plan(DEFAULT_PICTURE, bench.of(count, 20), bench.of(warm_up, 8)))
            for taker, count, warm_up in takers
        ],
    )
