"""Jobs are cancelled while a random worker is killed all the time: every URL ends, exactly once."""

import pytest
import requests

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer
from tests.chaos.load import KILL_EVERY_SECONDS, judge, name_of, slow_urls

WORKERS = 4
LANES = 4
JOBS = 6
JOB_URLS = 80


@pytest.mark.timeout(240)
def test_each_url_of_a_cancelled_job_ends_exactly_once_under_kills(launch, note):
    service = launch(
        WORKER_COUNT=str(WORKERS), WORKER_CONCURRENCY=str(LANES), LOG_LEVEL="INFO"
    ).wait_until_ready()
    checker = Checker(name_of)
    cancelled = 0
    with (
        Client(service.url, checker) as client,
        Killer(service.worker_pids, KILL_EVERY_SECONDS) as killer,
    ):
        jobs = [
            client.submit(slow_urls(service.sandbox, f"c{number}", JOB_URLS))
            for number in range(JOBS)
        ]
        # Every other one is called off as soon as something of it has ended.
        for job_id in jobs[::2]:
            service.wait_for(
                "the end of a URL",
                lambda job_id=job_id: service.status(job_id)["counts"]["pending"] < JOB_URLS,
            )
            answer = requests.delete(f"{service.url}/v1/images/upload/{job_id}", timeout=30)
            assert answer.status_code == 202
            cancelled += answer.json()["cancelled"]
        done = client.wait_until_done()
    verdict = judge(checker, service.uploads_link, killer.kills * LANES)
    note(f"{killer.kills} kills, {cancelled} URLs cancelled at once: {verdict}")

    assert done, str(verdict)
    assert not verdict.violations, str(verdict)
    assert not client.errors
    assert verdict.lost == 0
    assert set(verdict.failed) <= {"cancelled", "worker-crashed", "upload-interrupted"}
    assert verdict.failed["cancelled"] >= cancelled > 0
    assert killer.kills >= 1
    for job_id in jobs[1::2]:
        assert "cancelled" not in service.status(job_id)
