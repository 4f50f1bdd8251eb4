"""What images that need no conversion cost where conversions are on, beside CONVERT=off.

    python -m benchmarks.unconverted [rounds]

Two services run all the time and upload the same picture in turns, each round begun by the other
one. Ratios are taken round by round: what else the machine does then slows down both. Apart from
that, in one thread and by turns of some images: the steps of a worker in which they differ.
"""

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import DEFAULT_PICTURE, PICTURES
from benchmarks.contender import Site, Turn, measure
from benchmarks.debian import programs
from benchmarks.front import Order
from benchmarks.nginx import Nginx
from benchmarks.processes import usable_cores
from benchmarks.product import Product, RunningProduct
from benchmarks.product_client import ProductClient
from benchmarks.progress import say
from benchmarks.redis_server import RedisServer
from benchmarks.results import figure
from workers.contract.conversion_policy import ConversionPolicy
from workers.contract.download_policy import DownloadPolicy
from workers.worker.converters import Converters
from workers.worker.fitting import ImageFitter
from workers.worker.http.byte_budget import ByteBudget
from workers.worker.source.body import Download, ImageBody

_ROUNDS = 20
_WARM_UP = 300
_IMAGES = 1_000
_STEP_ROUNDS = 1_000
_STEP_IMAGES = 20
_MAX_RATIO = 1.02


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    found = programs()
    say(f"{usable_cores()} cores, load before {os.getloadavg()[0]:.1f}")
    with Nginx(found, PICTURES) as nginx, RedisServer(found) as redis:
        turns = _turns(Site(nginx, redis), rounds)
    for name, unit in (("cpu_ms", "ms of the processor an image"), ("wall", "s a round")):
        off, on = ([getattr(turn, name) for turn in turns[setting]] for setting in ("off", "auto"))
        ratio = figure([one / other for one, other in zip(on, off, strict=True)])
        say(f"{figure(off).text(3, '')} {unit} without, {figure(on).text(3, '')} with conversions")
        say(f"  {ratio.text(3, 'x')}; bar: {_MAX_RATIO}x at most")
    steps = _steps()
    without, with_them = (
        figure([one[enabled] for one in steps]).text(4, "") for enabled in (False, True)
    )
    say(f"{without} ms of that in the steps that differ, {with_them} with conversions")
    say(f"load at the end {os.getloadavg()[0]:.1f}")


def _turns(site: Site, rounds: int) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {"off": [], "auto": []}
    with ExitStack() as stack:
        running = {
            setting: stack.enter_context(
                Product(settings={"CONVERT": setting}).start(site, slow=False)
            )
            for setting in turns
        }
        for one in running.values():
            _turn(one, site, site.order(DEFAULT_PICTURE, _WARM_UP, name="warm"))
        for number in range(rounds):
            order = site.order(DEFAULT_PICTURE, _IMAGES, name=f"round-{number}")
            for setting in sorted(turns, reverse=bool(number % 2)):
                turns[setting].append(_turn(running[setting], site, order))
    return turns


def _turn(running: RunningProduct, site: Site, order: Order) -> Turn:
    # Its own connection has been idle for too long.
    with ProductClient(running.client.url) as client:
        return measure(replace(running, client=client), site, order)


def _steps() -> list[dict[bool, float]]:
    """Milliseconds of an image, without conversions and with them, of each round."""
    picture = b"\xff\xd8\xff\xe0" + bytes(PICTURES[DEFAULT_PICTURE])
    download, budget = DownloadPolicy(), ByteBudget(10_000_000)
    policies = [ConversionPolicy(enabled=enabled) for enabled in (False, True)]
    fitters = [ImageFitter(one, download, Converters(one, Path()), budget) for one in policies]
    rounds = []
    for _ in range(_STEP_ROUNDS):
        took = {}
        for fitter in fitters:
            began = time.thread_time()
            for _ in range(_STEP_IMAGES):
                body = ImageBody(download, budget, len(picture), converts=fitter.policy.enabled)
                body.write(picture)
                image = body.finish()
                assert isinstance(image, Download)
                with image:
                    fitter.fit(image)
            took[fitter.policy.enabled] = 1000 * (time.thread_time() - began) / _STEP_IMAGES
        rounds.append(took)
    return rounds


if __name__ == "__main__":
    main()
