"""Jobs are cancelled while a random worker is killed all the time: every URL ends, exactly once."""

import pytest
import requests

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer, after_progress
from tests.chaos.load import KILL_EVERY_SECONDS, judge, name_of, slow_urls
from tests.gate import ALLOWED

WORKERS = 4
LANES = 4
JOBS = 6
JOB_URLS = 80


@pytest.mark.timeout(240)
def test_each_url_of_a_cancelled_job_ends_exactly_once_under_kills(launch, gate, note):
    service = launch(
        WORKER_COUNT=str(WORKERS), WORKER_CONCURRENCY=str(LANES), LOG_LEVEL="INFO", **ALLOWED
    ).wait_until_ready()
    checker = Checker(name_of)
    victims = after_progress(service.worker_pids, lambda: checker.open_urls)
    cancelled = 0
    with (
        Client(service.url, checker) as client,
        Killer(victims, KILL_EVERY_SECONDS) as killer,
    ):
        gate.let(JOB_URLS // 2)
        jobs = [
            client.submit(source(service.sandbox, f"c{number}", JOB_URLS))
            for number in range(JOBS // 2)
            for source in (gate.urls, slow_urls)
        ]
        # Every other one is called off as soon as something of it has ended, and cannot end before.
        for job_id in jobs[::2]:
            service.wait_for(
                "the end of a URL",
                lambda job_id=job_id: service.status(job_id)["counts"]["pending"] < JOB_URLS,
            )
            answer = requests.delete(f"{service.url}/v1/images/upload/{job_id}", timeout=30)
            assert answer.status_code == 202
            cancelled += answer.json()["cancelled"]
            gate.let(JOB_URLS // 2)
        gate.open()
        done = client.wait_until_done()
        service.wait_for("a kill", lambda: killer.kills)
    verdict = judge(checker, service.uploads_link, killer.kills * LANES)
    note(f"{killer.kills} kills, {cancelled} URLs cancelled at once: {verdict}")

    assert done, str(verdict)
    assert not verdict.violations, str(verdict)
    assert not client.errors
    assert verdict.lost == 0
    assert set(verdict.failed) <= {"cancelled", "worker-crashed", "upload-interrupted"}
    assert verdict.failed["cancelled"] >= cancelled > 0
    for job_id in jobs[1::2]:
        assert "cancelled" not in service.status(job_id)
