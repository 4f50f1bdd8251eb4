"""One slow site beside a fast one, through the real processes."""

import threading
from collections.abc import Iterator

import pytest

from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.running_service import Launch, RunningService

LIMIT = 3
URLS = 100


class SlowSite(LoopbackServer):
    """Keeps every request waiting until its gate is opened."""

    def __init__(self, image: bytes) -> None:
        super().__init__(_SlowAnswer)
        self.image = image
        self.gate = threading.Event()
        self.most = 0
        self.in_flight = 0
        self._lock = threading.Lock()

    def count(self, change: int) -> None:
        with self._lock:
            self.in_flight += change
            self.most = max(self.most, self.in_flight)


class _SlowAnswer(LoopbackHandler):
    server: SlowSite

    def get(self) -> None:
        self.server.count(+1)
        self.server.gate.wait()
        self.server.count(-1)
        self.answer(200, self.server.image)


@pytest.fixture
def service(launch: Launch) -> RunningService:
    return launch(
        WORKER_CONCURRENCY="4",
        SOURCE_CONCURRENCY=str(LIMIT),
        SOURCE_ALLOWED_NETWORKS="127.0.0.0/8",
        DOWNLOAD_SECONDS="300",
    ).wait_until_ready()


@pytest.fixture
def slow_site(service: RunningService) -> Iterator[SlowSite]:
    image = service.http.get(service.sandbox + "/images/small.png", timeout=30).content
    with SlowSite(image) as site:
        yield site
        site.gate.set()


def test_a_slow_site_does_not_take_the_lanes_from_a_fast_one(
    service: RunningService, slow_site: SlowSite
) -> None:
    slow_job = service.submit([f"{slow_site.url}/{n}.png" for n in range(URLS)])
    service.wait_for("full slow site", lambda: slow_site.in_flight == LIMIT)

    fast = service.upload_all([f"{service.sandbox}/images/numbered/{n}.png" for n in range(URLS)])

    assert len(fast["uploaded"]["complete"]) == URLS
    assert len(service.status(slow_job)["uploaded"]["pending"]) == URLS
    assert slow_site.in_flight == LIMIT

    slow_site.gate.set()
    slow = service.wait_complete(slow_job)

    assert len(slow["uploaded"]["complete"]) == URLS
    assert slow_site.most == LIMIT
