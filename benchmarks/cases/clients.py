"""HTTP clients alone, at each size of picture: what the product's choice of client costs."""

from benchmarks import contenders
from benchmarks.bench import PICTURES, Bench
from benchmarks.contender import Plan

_COUNTS = {"2.9 KB": 1_000, "68 KB": 1_000, "5 MB": 50}
_CLIENTS = (contenders.BARE_LOOP, contenders.URLLIB3, contenders.AIOHTTP, contenders.PYCURL)


def case(picture: str) -> str:
    """The case's name for one size."""
    return f"clients alone, {picture}"


CASES = tuple(case(picture) for picture in PICTURES)


def run(bench: Bench) -> None:
    """A round of it."""
    for picture, count in _COUNTS.items():
        plan = Plan(picture, bench.of(count, 20), bench.of(20))
        bench.take_turns(case(picture), [(client, plan) for client in _CLIENTS])
