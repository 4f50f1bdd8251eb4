"""The wall clock is set back, then far ahead, in mid-job: nothing waits for it or ends by it."""

import time
from datetime import datetime
from pathlib import Path

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.killer import Killer, after_progress
from tests.chaos.load import KILL_EVERY_SECONDS, judge, name_of, slow_urls
from tests.gate import ALLOWED

LANES = 8
HOUR = 3600
LONGEST_PAUSE_SECONDS = 60.0


def test_a_clock_that_is_set_changes_nothing_but_the_stamps(launch, gate, tmp_path, note):
    offset = tmp_path / "offset"
    offset.write_text("0")
    service = launch(
        PYTHONPATH=str(Path(__file__).with_name("set_back_clock")),
        CLOCK_OFFSET_FILE=str(offset),
        JOB_TTL_SECONDS=str(HOUR),
        WORKER_CONCURRENCY=str(LANES),
        **ALLOWED,
    ).wait_until_ready()

    def set_clock(seconds: float) -> None:
        new = tmp_path / "new-offset"
        new.write_text(str(seconds))
        new.replace(offset)

    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        gate.let(200)  # so that it cannot be complete before the clock is set
        job_id = client.submit(gate.urls(service.sandbox, "set", 300))
        victims = after_progress(service.worker_pids, lambda: checker.open_urls)
        with Killer(victims, max(0.3, KILL_EVERY_SECONDS)) as killer:
            service.wait_for("some ends", lambda: checker.open_urls < 200)
            set_clock(-HOUR)
            service.wait_for("a kill", lambda: killer.kills)
            gate.open()
            service.wait_for("more ends", lambda: checker.open_urls < 100)
            early = client.submit(slow_urls(service.sandbox, "early", 20))
            assert client.wait_until_done(LONGEST_PAUSE_SECONDS)
        # Ahead by more than finished jobs are kept for: none is forgotten by that.
        set_clock(24 * HOUR)
        late = client.submit(slow_urls(service.sandbox, "late", 20))
        assert client.wait_until_done(LONGEST_PAUSE_SECONDS)
    verdict = judge(checker, service.uploads_link, max_extra=killer.kills * LANES)
    note(f"clock set back and ahead, {killer.kills} kills: {verdict}")
    assert not verdict.violations, str(verdict)
    # The clock was set indeed: the stamps say so.
    first = service.status(job_id)
    assert first["finished"] == first["created"]
    assert _seconds_from_now(service.status(early)["created"]) < -HOUR / 2
    assert _seconds_from_now(service.status(late)["created"]) > 23 * HOUR


def _seconds_from_now(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp() - time.time()
