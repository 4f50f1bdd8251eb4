"""What takes a turn, and how a turn is measured."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from benchmarks import processes
from benchmarks.front import Order
from benchmarks.nginx import Nginx, url_word
from benchmarks.processes import ProcessMemory, cpu_seconds
from benchmarks.redis_server import RedisServer


@dataclass(frozen=True)
class Site:
    """What all contenders work with."""

    nginx: Nginx
    redis: RedisServer

    def order(self, picture: str, count: int, *, slow: bool = False, name: str = "job") -> Order:
        """An order of pictures of one size; `slow`: to the sink with latency."""
        source = f"{self.nginx.origin}/images/{url_word(picture)}/{name}-"
        return Order(source, count, f"{self.sink_origin(slow=slow)}/3/image")

    def sink_origin(self, *, slow: bool) -> str:
        return self.nginx.slow_origin if slow else self.nginx.origin


class Running(Protocol):
    """A contender at work."""

    @property
    def pids(self) -> Sequence[int]:
        """The roots of its process trees."""
        ...

    def run(self, order: Order) -> float:
        """Carry out an order; give the seconds that it took."""
        ...


class Contender(Protocol):
    """A way to do the work."""

    @property
    def name(self) -> str: ...

    def start(self, site: Site, *, slow: bool) -> AbstractContextManager[Running]:
        """Start it; `slow`: its images will go to the sink with latency."""
        ...


@dataclass(frozen=True)
class Turn:
    """One order, measured.

    Attributes:
        images: uploaded.
        wall: seconds from the submission until the last result could be read.
        cpu: seconds of the contender's own processes.
        redis_cpu, nginx_cpu: seconds of what it used meanwhile.
        memory: of each of its processes, at the end.
    """

    images: int
    wall: float
    cpu: float
    redis_cpu: float
    nginx_cpu: float
    memory: Sequence[ProcessMemory]

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.images / self.wall

    @property
    def cpu_ms(self) -> float:
        """The contender's own CPU milliseconds an image."""
        return 1000 * self.cpu / self.images

    @property
    def redis_ms(self) -> float:
        """CPU milliseconds an image of Redis."""
        return 1000 * self.redis_cpu / self.images

    @property
    def nginx_ms(self) -> float:
        """CPU milliseconds an image of nginx."""
        return 1000 * self.nginx_cpu / self.images

    @property
    def megabytes(self) -> float:
        """Memory of all its processes."""
        return sum(process.proportional for process in self.memory)


def measure(running: Running, site: Site, order: Order) -> Turn:
    """Let a contender that runs and is warm carry out an order.

    Raises:
        RuntimeError: nginx has not seen two requests for each image.
    """
    requests = site.nginx.requests()
    groups = (running.pids, (site.redis.pid,), (site.nginx.pid,))
    before = [cpu_seconds(group) for group in groups]
    wall = running.run(order)
    after = [cpu_seconds(group) for group in groups]
    requests = site.nginx.requests() - requests
    if requests < 2 * order.count:
        raise RuntimeError(f"{requests} requests for {order.count} images")
    own, redis, nginx = (end - begin for begin, end in zip(before, after, strict=True))
    return Turn(order.count, wall, own, redis, nginx, processes.memory(running.pids))


@dataclass(frozen=True)
class Plan:
    """A turn to be taken.

    Attributes:
        picture: the size's name.
        count: images.
        warm_up: images before the measurement, in which all its workers have their first.
        slow: to the sink with latency.
    """

    picture: str
    count: int
    warm_up: int
    slow: bool = False


def take_turn(contender: Contender, site: Site, plan: Plan) -> Turn:
    """Start a contender, warm it up, measure one order, stop it."""
    with contender.start(site, slow=plan.slow) as running:
        running.run(site.order(plan.picture, plan.warm_up, slow=plan.slow, name="warm"))
        return measure(running, site, site.order(plan.picture, plan.count, slow=plan.slow))
