"""What images that need no conversion cost where conversions are on, beside CONVERT=off.

    python -m benchmarks.unconverted [rounds]

Two services run all the time and upload the same picture in turns, each round begun by the other
one. Ratios are taken round by round: what else the machine does then slows down both.
"""

import os
import sys
from contextlib import ExitStack
from dataclasses import replace

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

_ROUNDS = 20
_WARM_UP = 300
_IMAGES = 3_000
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


if __name__ == "__main__":
    main()
