"""All cases, in turn; then the page."""

import argparse
import os
import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.bench import DEFAULT_PICTURE, PICTURES, Bench
from benchmarks.cluster import cost, page, scaling
from benchmarks.cluster.driver import drive
from benchmarks.contender import Site
from benchmarks.debian import programs
from benchmarks.nginx import Nginx
from benchmarks.processes import usable_cores
from benchmarks.product import ROOT, Product
from benchmarks.progress import say
from benchmarks.redis_server import RedisServer
from benchmarks.results import Results

_ROUNDS = 3
_QUICK_SHARE = 0.2
_TRIPS_LANES = 96  # the default
_TRIPS_IMAGES = 1_500


@dataclass(frozen=True)
class _Options:
    """One run; see `benchmarks.options`."""

    rounds: int
    share: float
    output: Path


def main() -> None:
    options = _parse(sys.argv[1:])
    found = programs()
    results = Results()
    began, load = time.monotonic(), os.getloadavg()[0]
    with Nginx(found, PICTURES) as nginx, RedisServer(found) as redis:
        site = Site(nginx, redis)
        for number in range(options.rounds):
            bench = Bench(site, Product(), results, number, options.share)
            scaling.run(bench)
            cost.run(bench)
            say(f"round {number + 1} of {options.rounds} done")
        trips = [_trips(site, options.share, slow=slow) for slow in cost.CASES]
    state = drive("state_rate")
    conditions = _conditions(options, load, time.monotonic() - began)
    text = page.render(results, trips, state, conditions)
    options.output.mkdir(exist_ok=True)
    (options.output / "benchmarks-cluster.md").write_text(text)
    sys.stdout.write(text)


def _trips(site: Site, share: float, *, slow: bool) -> dict[str, object]:
    images = round(_TRIPS_IMAGES * share)
    order = site.order(DEFAULT_PICTURE, images, slow=slow)
    found = drive("trips", order.source, site.sink_origin(slow=slow), _TRIPS_LANES, images)
    return {"where": cost.CASES[slow].partition(", ")[2], **found}


def _conditions(options: _Options, load: float, seconds: float) -> list[str]:
    day = time.strftime("%Y-%m-%d", time.gmtime())
    size = f"{options.rounds} rounds, {options.share:.0%} of the full counts"
    loads = f"load before {load:.1f}, at the end {os.getloadavg()[0]:.1f}"
    return [
        f"{day}, {size}, {seconds / 60:.0f} minutes",
        f"{usable_cores()} cores, Linux {platform.release()}; {loads}",
        f"Python {platform.python_version()}, ray {version('ray')}",
    ]


def _parse(arguments: list[str]) -> _Options:
    parser = argparse.ArgumentParser(prog="make bench-cluster", description="BACKEND=ray.")
    parser.add_argument("--rounds", type=int, help=f"{_ROUNDS}; 1 in the quick form")
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--output", type=Path, help="folder of the page; docs for a full run")
    found = parser.parse_args(arguments)
    full = not found.quick and found.rounds is None
    return _Options(
        found.rounds or (1 if found.quick else _ROUNDS),
        _QUICK_SHARE if found.quick else 1.0,
        found.output or ROOT / ("docs" if full else "build"),
    )


if __name__ == "__main__":
    main()
