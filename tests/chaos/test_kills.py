"""A random worker is SIGKILLed all the time: every URL ends, exactly once."""

import pytest

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer, after_progress
from tests.chaos.load import (
    IS_LONG,
    KILL_EVERY_SECONDS,
    URLS,
    judge,
    name_of,
    slow_urls,
    submit_all,
)
from tests.running_service import not_over_ray

WORKERS = 4
LANES = 4
SETTINGS = {"WORKER_COUNT": str(WORKERS), "WORKER_CONCURRENCY": str(LANES)}


@pytest.mark.timeout(1800 if IS_LONG else 240)
@pytest.mark.parametrize("crashed_uploads", ["retry", "fail"] if IS_LONG else ["retry"])
def test_each_url_ends_exactly_once_under_kills(launch, note, crashed_uploads):
    service = launch(**SETTINGS, CRASHED_UPLOADS=crashed_uploads, LOG_LEVEL="INFO")
    service.wait_until_ready()
    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        sender = submit_all(client, slow_urls(service.sandbox, "k", URLS))
        victims = after_progress(service.worker_pids, lambda: checker.open_urls)
        with Killer(victims, KILL_EVERY_SECONDS) as killer:
            sender.join()
            done = client.wait_until_done()
            service.wait_for("kills", lambda: killer.kills >= 3)
    verdict = judge(checker, service.uploads_link, killer.kills * LANES)
    note(f"{killer.kills} kills, CRASHED_UPLOADS={crashed_uploads}: {verdict}")

    assert done, str(verdict)
    assert not verdict.violations, str(verdict)
    assert not client.errors
    assert verdict.lost == 0
    assert set(verdict.failed) <= {"worker-crashed", "upload-interrupted"}
    # The service's own log is a closer bound: what its dead workers had in hand.
    service.stop()
    deaths = service.events("worker died")
    leased = sum(death["urls_requeued"] + death["urls_failed"] for death in deaths)
    assert verdict.extra <= leased
    if crashed_uploads == "fail":
        assert verdict.maybe_duplicated == 0


@not_over_ray("tests/ray/test_faults.py counts uploads of a calm run, too.")
def test_without_kills_each_url_is_uploaded_exactly_once(launch):
    service = launch(**SETTINGS).wait_until_ready()
    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        submit_all(client, slow_urls(service.sandbox, "calm", 300)).join()
        assert client.wait_until_done()
    verdict = judge(checker, service.uploads_link, max_extra=0)
    assert not verdict.violations, str(verdict)
    assert (verdict.complete, verdict.extra, verdict.marked) == (300, 0, 0)
