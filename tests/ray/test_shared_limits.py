"""What Imgur allows is one for the cluster: its pause, and the access token."""

import itertools
import json
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.load import slow_urls
from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.ray.running_cluster import wait_for

WORKERS = 4
LANES = 4
PAUSE_SECONDS = 4
URLS = 120


class StrictImgur(LoopbackServer):
    """Counts refreshes of the token, and asks for one pause in the middle.

    Attributes:
        refreshes: how often a token was fetched.
        uploads: monotonic seconds at which each image came.
        paused_at: when the pause was asked for.
    """

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.refreshes = 0
        self.uploads: list[float] = []
        self.paused_at: float | None = None


class _Handler(LoopbackHandler):
    server: StrictImgur

    def post(self) -> None:
        self.read_body()
        if self.path == "/oauth2/token":
            time.sleep(0.3)  # so that every lane of the cluster comes to wait for it
            with self.server.lock:
                self.server.refreshes += 1
            answer = {"access_token": "t", "expires_in": 3600, "refresh_token": "r"}
            self._say(200, answer)
            return
        with self.server.lock:
            self.server.uploads.append(time.monotonic())
            is_pause = self.server.paused_at is None and len(self.server.uploads) == URLS // 3
            if is_pause:
                self.server.paused_at = time.monotonic()
        if is_pause:
            self._say(429, {"data": {"error": "Too fast"}, "success": False, "status": 429})
            return
        number = next(self.server.numbers)
        data = {"id": str(number), "link": f"{self.server.url}/{number}.png", "deletehash": "d"}
        self._say(200, {"data": data, "success": True, "status": 200})

    def _say(self, status: int, answer: object) -> None:
        headers = {"Content-Type": "application/json"}
        if status == 429:
            headers["Retry-After"] = str(PAUSE_SECONDS)
        self.answer(status, json.dumps(answer).encode(), headers)


@pytest.fixture
def imgur() -> Iterator[StrictImgur]:
    with StrictImgur() as server:
        yield server


def test_one_worker_s_pause_holds_all_and_one_token_serves_all(launch, sandbox, cluster, imgur):
    service = launch(
        IMGUR_API_URL=imgur.url, IMGUR_CLIENT_SECRET="s", IMGUR_REFRESH_TOKEN="r"
    ).wait_until_ready()
    wait_for("all workers", lambda: len(cluster.pids("ClusterWorker")) == WORKERS)
    service.wait_for("all ready", lambda: service.get("/readyz").json()["workers_ready"] == WORKERS)
    status = service.upload_all(slow_urls(sandbox, "limits", URLS, milliseconds=50))
    assert len(status["uploaded"]["complete"]) == URLS
    assert imgur.refreshes == 1
    assert imgur.paused_at is not None
    # What was on its way when the pause was asked for may still come: one for each lane.
    end = imgur.paused_at + PAUSE_SECONDS - 0.5
    assert len([at for at in imgur.uploads if imgur.paused_at < at < end]) < WORKERS * LANES
    assert len([at for at in imgur.uploads if at >= end]) >= URLS // 3
