"""``make bench``: the product beside the bare loop and the naive Manager, in one run."""

import argparse
import datetime as dt
import os
import platform
import subprocess
import sys
from pathlib import Path

import report
from naive_manager import CLOCK_TICKS
from nginx import Nginx, nginx_path
from product import JobRun, Product
from report import Measured

HERE = Path(__file__).parent
PICTURE_BYTES = 68_000
ROUNDED_SIZES = (100, 1_000, 2_000)


def picture(size: int) -> bytes:
    """Something that starts as a JPEG does; nobody in this run decodes it."""
    head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
    return head + os.urandom(size - len(head) - 2) + b"\xff\xd9"


def other(script: str, origin: str, count: int, *more: str) -> Measured:
    """Run one of the contenders that are scripts."""
    command = [sys.executable, str(HERE / script), origin, str(count), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    images, wall, cpu = done.stdout.split()
    return Measured(int(images), float(wall), float(cpu))


def measured(run: JobRun) -> Measured:
    return Measured(run.count, run.wall, run.cpu)


def main() -> None:
    options = parse()
    nginx_path()
    results = report.Results()
    with (
        Nginx(picture(PICTURE_BYTES)) as nginx,
        Product(nginx.origin, options.workers, options.lanes) as product,
    ):
        results.start_seconds = product.start_seconds
        for number in range(options.rounds):
            one_round(results, product, nginx.origin, number, options.naive)
            say(f"round {number + 1} of {options.rounds} done")
        for size in options.large:
            run = product.run(size, f"large-{size}", every=1.0)
            results.add(f"product, {size:,}", measured(run))
            results.add_latencies(size, run)
            say(f"{size:,} URLs done")
        if options.large:
            naive = other("naive_manager.py", nginx.origin, 8_000, str(options.naive))
            results.add("naive Manager, 8,000", naive)
        results.memory = product.memory()
    text = report.render(results, conditions(options))
    sys.stdout.write(text)
    if options.write:
        (HERE.parent / "docs" / "benchmarks.md").write_text(text)


def one_round(
    results: report.Results, product: Product, origin: str, number: int, naive_processes: int
) -> None:
    for size in ROUNDED_SIZES:
        run = product.run(size, f"round-{number}")
        results.add(f"product, {size:,}", measured(run))
        results.add_latencies(size, run)
    results.add("bare loop", other("bare_loop.py", origin, 1_000))
    for size in (1_000, 2_000):
        naive = other("naive_manager.py", origin, size, str(naive_processes))
        results.add(f"naive Manager, {size:,}", naive)


def conditions(options: argparse.Namespace) -> str:
    today = dt.datetime.now(dt.UTC).date().isoformat()
    load = os.getloadavg()[0]
    return (
        f"{today}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at "
        f"the end, {PICTURE_BYTES // 1000} KB images, {options.rounds} rounds, product with "
        f"WORKER_COUNT={options.workers} WORKER_CONCURRENCY={options.lanes}, naive with "
        f"{options.naive} processes, clock tick {1000 // CLOCK_TICKS} ms"
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--naive", type=int, default=4, help="processes of the naive shape")
    parser.add_argument("--large", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    return parser.parse_args()


def say(what: str) -> None:
    sys.stderr.write(f"bench: {what}\n")


if __name__ == "__main__":
    main()
