"""Small pictures and large ones; the usual size is the throughput case's."""

from benchmarks import contenders
from benchmarks.bench import Bench
from benchmarks.contender import Contender, Plan

_SHARES = {"2.9 KB": 1.0, "5 MB": 0.05}


def case(picture: str) -> str:
    """The case's name for one size."""
    return f"pictures of {picture}"


CASES = tuple(case(picture) for picture in _SHARES)


def run(bench: Bench) -> None:
    """A round of it."""
    takers: list[tuple[Contender, int]] = [
        (bench.product, 2_000),
        (contenders.BARE_LOOP, 1_000),
        (contenders.HUEY_4, 2_000),
        (contenders.DRAMATIQ_4, 2_000),
        (contenders.CELERY_4, 1_000),
    ]
    for picture, share in _SHARES.items():
        plans = [
            (taker, Plan(picture, bench.of(round(count * share), 20), bench.of(100, 20)))
            for taker, count in takers
        ]
        bench.take_turns(case(picture), plans)
