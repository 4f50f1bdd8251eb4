"""A worker that is stopped, not dead: its leases run out, and it is killed and replaced."""

import os
import signal
import time

import pytest

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.load import IS_LONG, judge, name_of, slow_urls
from tests.processes import is_running

LANES = 4
SETTINGS = {
    "WORKER_COUNT": "3",
    "WORKER_CONCURRENCY": str(LANES),
    "DOWNLOAD_SECONDS": "3",
    "UPLOAD_SECONDS": "3",
}
# More than the two deadlines above, the lease's slack of 15 s and a second until it is looked at.
LEASE_SECONDS = 60.0
SILENT_SECONDS = 60.0


def test_what_stopped_workers_held_is_done_by_another(launch, note):
    service = launch(**SETTINGS).wait_until_ready()
    checker = Checker(name_of)
    # Nothing changes most of the time: until the leases run out.
    with Client(service.url, checker, pause_seconds=0.1) as client:
        client.submit(slow_urls(service.sandbox, "warm", 24))
        assert client.wait_until_done()  # so that every worker asks for work
        idle, busy, _ = service.worker_pids()
        # It waits for work: the mailbox lends to it what it will never read.
        os.kill(idle, signal.SIGSTOP)
        client.submit(slow_urls(service.sandbox, "held", 150, milliseconds=100))
        # More than the two others have lanes.
        service.wait_for(
            "urls in its hands", lambda: service.get("/readyz").json()["leased_urls"] > 2 * LANES
        )
        os.kill(busy, signal.SIGSTOP)
        assert client.wait_until_done(LEASE_SECONDS)
    verdict = judge(checker, service.uploads_link, max_extra=LANES)
    note(f"two stopped workers: {verdict}")
    assert not verdict.violations, str(verdict)
    assert verdict.complete == 174
    assert len(service.wait_for_events("worker stuck: killing it", 2)) == 2
    service.wait_for("their end", lambda: not is_running(idle) and not is_running(busy))
    service.wait_for("their successors", lambda: len(service.worker_pids()) == 3)


@pytest.mark.skipif(not IS_LONG, reason="takes the minute after which silence counts")
def test_a_worker_stopped_while_idle_is_found_by_its_silence(launch):
    service = launch(**SETTINGS).wait_until_ready()
    victim = service.worker_pids()[0]
    began = time.monotonic()
    os.kill(victim, signal.SIGSTOP)
    service.wait_for("its end", lambda: not is_running(victim), SILENT_SECONDS + 10)
    assert time.monotonic() - began > SILENT_SECONDS - 5
    service.wait_for("its successor", lambda: len(service.worker_pids()) == 3)
    status = service.upload_all(slow_urls(service.sandbox, "after", 20))
    assert len(status["uploaded"]["complete"]) == 20
