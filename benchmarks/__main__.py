"""``make bench``: all cases, all contenders, in turn; then the page and the picture."""

import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import plot, report
from benchmarks.bench import PICTURES, Bench
from benchmarks.cases.table import CASES
from benchmarks.contender import Site
from benchmarks.debian import programs
from benchmarks.nginx import Nginx
from benchmarks.options import Options, parse
from benchmarks.processes import CLOCK_TICKS, usable_cores
from benchmarks.product import Product
from benchmarks.progress import say
from benchmarks.redis_server import RedisServer
from benchmarks.results import Results

_LIBRARIES = ("requests", "urllib3", "celery", "dramatiq", "huey", "rq", "redis")


def main() -> None:
    options = parse(sys.argv[1:])
    found = programs()
    results = Results()
    began, load = time.monotonic(), os.getloadavg()[0]
    with Nginx(found, PICTURES) as nginx, RedisServer(found) as redis:
        _run(options, Site(nginx, redis), results)
    conditions = _conditions(options, load, time.monotonic() - began)
    write(results, conditions, options.output)


def write(results: Results, conditions: list[str], folder: Path) -> None:
    """Write the page, the picture and the raw figures; the page to stdout as well."""
    folder.mkdir(exist_ok=True)
    picture = folder / "benchmarks.png"
    page = report.render(results, conditions, picture.name)
    (folder / "benchmarks.md").write_text(page)
    plot.draw(results, picture)
    raw = Path("build", "benchmarks.json")
    raw.parent.mkdir(exist_ok=True)
    results.save(raw)
    sys.stdout.write(page)
    say(f"written: {folder}/benchmarks.md, {picture}, {raw}")


def _run(options: Options, site: Site, results: Results) -> None:
    product = Product(options.product, options.settings)
    for number in range(options.rounds):
        bench = Bench(site, product, results, number, options.share)
        for name in options.cases:
            CASES[name].each_round(bench)
        say(f"round {number + 1} of {options.rounds} done")
    for name in options.cases:
        once = CASES[name].once
        if once is not None:
            once(Bench(site, product, results, 0, options.share))


def _conditions(options: Options, load: float, seconds: float) -> list[str]:
    settings = ", ".join(f"{name}={value}" for name, value in options.settings.items())
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    size = f"{options.rounds} rounds, {options.share:.0%} of the full counts"
    machine = f"{usable_cores()} cores of {_processor()}, Linux {platform.release()}"
    loads = f"load before {load:.1f}, at the end {os.getloadavg()[0]:.1f}"
    return [
        f"{day}, {size}, {seconds / 60:.0f} minutes",
        f"{machine}; {loads}; CPU counted in steps of {1000 // CLOCK_TICKS} ms",
        f"Python {platform.python_version()}, {libraries}",
        f"product: {settings or 'its defaults'}",
    ]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
