"""Imgur refuses whatever is sent: uploads stop, nothing fails, and all goes on when it is over."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.moody_imgur import (
    BAD_CLIENT,
    BLOCKED,
    BUSY,
    FORBIDDEN,
    MoodyImgur,
    MovedClock,
    Refusal,
)
from tests.processes import is_running
from tests.proxies import Origin, SocksProxy
from tests.running_service import Launch, RunningService

IS_LONG = os.environ.get("CHAOS_FORM") == "long"
URLS = 5000 if IS_LONG else 300
PATIENCE_SECONDS = 600.0 if IS_LONG else 60.0
MOST_CALLS = 10
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
ADMIN = {"Authorization": "Bearer admin-key-1"}
OPEN = "{0.url}/v1/limits/open"
# What is under way when Imgur turns is refused besides the three that tell, and what it took just
# before may be told of later: with one lane there is nothing else under way.
ONE_LANE = {"WORKER_COUNT": "1", "WORKER_CONCURRENCY": "1", "ADMIN_KEY": "admin-key-1"}
STOPPED = "uploads stopped: Imgur refuses this application or address"


@pytest.fixture
def imgur() -> Iterator[MoodyImgur]:
    with MoodyImgur() as server:
        yield server


@pytest.fixture
def clock(tmp_path: Path) -> MovedClock:
    return MovedClock(tmp_path)


@pytest.fixture
def start(launch: Launch, imgur: MoodyImgur, clock: MovedClock, tmp_path: Path) -> Launch:
    def start_service(**environ: str) -> RunningService:
        journal = {"JOURNAL_PATH": str(tmp_path / "journal")}
        settings = imgur.settings | clock.settings | journal | ONE_LANE
        return launch(**settings | environ).wait_until_ready()

    return start_service


@dataclass
class Stage:
    """A service, its Imgur and its clock."""

    service: RunningService
    imgur: MoodyImgur
    clock: MovedClock


@pytest.fixture(scope="module")
def shared_stage(
    launch_shared: Launch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    clock = MovedClock(tmp_path_factory.mktemp("clock"))
    with MoodyImgur() as imgur:
        service = launch_shared(**imgur.settings | clock.settings | ONE_LANE)
        yield Stage(service.wait_until_ready(), imgur, clock)


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """One for all tests that need no other settings: nothing is under way, and Imgur takes all."""
    service, imgur = shared_stage.service, shared_stage.imgur
    service.forget_events()
    imgur.refused = 0
    yield shared_stage
    imgur.refusal = None
    if limits(service)["blocked"]:
        assert service.http.post(OPEN.format(service), headers=ADMIN, timeout=30).ok
        service.wait_for_event("uploads go on")  # and so whatever was told before it
    service.wait_for("the end of all", lambda: not open_urls(service))


def limits(service: RunningService) -> Any:
    return service.get("/v1/limits").json()


def wait_blocked(service: RunningService) -> Any:
    return service.wait_for("block", lambda: limits(service)["blocked"], seconds=PATIENCE_SECONDS)


def probe(service: RunningService, clock: MovedClock) -> float:
    """Let the time of the next probe come, and wait until it was in vain; returns the wait."""
    before = limits(service)["blocked"]["probes"]
    seconds = min(HOUR, MINUTE * 2**before)
    clock.advance(seconds)
    service.wait_for(
        "probe", lambda: (block := limits(service)["blocked"]) and block["probes"] > before
    )
    return seconds


def wait_spent(service: RunningService) -> None:
    """Until the budget is, and no upload is under way: what ends later counts for the next day."""
    service.wait_for("spent budget", lambda: limits(service)["uploadsLeft"] == 0)
    service.wait_for("ends", lambda: not health(service)["leased_urls"])


def waiting(service: RunningService, job_id: str) -> dict[str, str]:
    """Why the job waits, once it says so."""
    return service.wait_for("reason", lambda: service.status(job_id).get("waiting"))


def open_urls(service: RunningService) -> int:
    found = health(service)
    return found["queued_urls"] + found["leased_urls"]


def health(service: RunningService) -> Any:
    """Of a service that knows it: while the Manager is slow to answer, all figures are 0."""
    return service.wait_for("health", lambda: (answer := service.get("/readyz")) and answer.json())


def kill(service: RunningService) -> None:
    """End its first process; the others notice it, and leave the journal to the next one.

    Two of Ray's own agents go on for a minute: see docs/decisions/0018-ray.md.
    """
    pids = [service.manager_pid, *service.worker_pids()]
    service.signal(signal.SIGKILL)
    service.wait_for_exit()
    service.wait_for("end of manager and workers", lambda: not any(map(is_running, pids)))


def counts(service: RunningService, job_id: str) -> dict[str, int]:
    return service.get(f"/v1/images/upload/{job_id}?limit=1").json()["counts"]


def test_a_job_outlives_a_block_kills_and_restarts(
    start: Launch, imgur: MoodyImgur, clock: MovedClock
) -> None:
    imgur.turns = URLS // 10
    settings = {"WORKER_COUNT": "2", "IMGUR_UPLOADS_PER_DAY": "0", "IMGUR_UPLOADS_PER_HOUR": "0"}
    service = start(**settings)
    job_id = service.submit(imgur.urls(URLS))
    since = wait_blocked(service)["since"]
    passed = 0.0
    while passed + MINUTE * 2 ** limits(service)["blocked"]["probes"] <= HOUR:
        passed += probe(service, clock)
        os.kill(service.worker_pids()[0], signal.SIGKILL)
    assert imgur.refused <= MOST_CALLS, f"{imgur.refused} calls in the first hour"

    kill(service)
    service = start(**settings)
    block = limits(service)["blocked"]
    assert (block["since"], block["reason"]) == (since, "imgur-over-capacity")
    found = counts(service, job_id)
    assert not found["failed"], service.status(job_id)["results"][:40]
    assert found == {
        "pending": URLS - URLS // 10,
        "complete": URLS // 10,
        "failed": 0,
        "total": URLS,
    }
    refused = imgur.refused
    imgur.refusal = None
    clock.advance(HOUR)

    status = service.wait_complete(job_id, PATIENCE_SECONDS)
    assert status["uploaded"]["failed"] == []
    assert sorted(imgur.taken) == list(range(1, URLS + 1)), "each once"
    assert imgur.refused == refused
    assert limits(service)["blocked"] is None
    # Two that were refused before the last success was reported may have been to blame: counted.
    assert sum(result["attempts"] for result in status["results"]) <= URLS + 2


@pytest.mark.parametrize(
    ("refusal", "reason", "calls"),
    [
        pytest.param(BLOCKED, "imgur-over-capacity", 3, id="address"),
        pytest.param(BUSY, "imgur-over-capacity", 3, id="503"),
        pytest.param(FORBIDDEN, "imgur-forbidden", 3, id="forbidden"),
        pytest.param(BAD_CLIENT, "imgur-credentials", 1, id="credentials"),
    ],
)
def test_every_place_tells_of_it(stage: Stage, refusal: Refusal, reason: str, calls: int) -> None:
    service, imgur = stage.service, stage.imgur
    imgur.refusal = refusal
    job_id = service.submit(imgur.urls(6))
    block = wait_blocked(service)

    assert imgur.refused == calls
    assert (block["reason"], block["imgurSays"]) == (reason, refusal.sentence)
    assert block["opening"].startswith("POST /v1/limits/open")
    ready = service.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["blocked"]["reason"] == reason
    assert "Uploads have stopped" in ready.json()["detail"]
    status = service.status(job_id)
    assert status["counts"]["failed"] == 0
    assert {(r["state"], r["reason"]) for r in status["results"]} == {("pending", reason)}
    assert status["waiting"]["reason"] == reason
    assert status["waiting"]["message"].startswith("Uploads have stopped")
    forecast = service.get(f"/v1/images/upload/{job_id}/forecast").json()["forecast"]
    assert (forecast["blocked"]["reason"], forecast["expectedFinish"]) == (reason, None)
    assert "imgup_blocked 1.0" in service.get("/metrics").text
    error = service.wait_for_event(STOPPED)
    assert (error["level"], error["reason"]) == ("error", reason)


@pytest.mark.parametrize(
    "refusal", [BLOCKED, FORBIDDEN, BAD_CLIENT], ids=["address", "forbidden", "credentials"]
)
def test_a_job_waits_for_its_album_too(stage: Stage, refusal: Refusal) -> None:
    service, imgur, clock = stage.service, stage.imgur, stage.clock
    imgur.refusal = refusal
    body = {"urls": imgur.urls(20), "album": {"title": "A day"}}
    answer = service.http.post(service.url + "/v1/images/upload", json=body, timeout=30)
    job_id = answer.json()["jobId"]
    wait_blocked(service)
    probe(service, clock)
    assert imgur.refused <= 4
    status = service.status(job_id)
    assert (status["counts"]["failed"], status["album"]["state"]) == (0, "pending")
    assert status["waiting"]["message"].startswith("Uploads have stopped")
    imgur.refusal = None
    clock.advance(HOUR)

    status = service.wait_complete(job_id)
    assert (status["counts"]["complete"], status["album"]["id"]) == (20, "a")
    assert {result["attempts"] for result in status["results"]} == {1}


def test_events_name_the_reason(stage: Stage) -> None:
    service, imgur = stage.service, stage.imgur
    imgur.refusal = BLOCKED
    job_id = service.submit(imgur.urls(6))
    with service.http.get(
        f"{service.url}/v1/images/upload/{job_id}/events", stream=True, timeout=30
    ) as stream:
        told = (line for line in stream.iter_lines() if b'"waiting"' in line)
        assert b'"reason":"imgur-over-capacity"' in next(told)


def test_it_opens_at_once_for_whoever_holds_the_admin_key(stage: Stage) -> None:
    service, imgur = stage.service, stage.imgur
    imgur.refusal = BAD_CLIENT
    job_id = service.submit(imgur.urls(6))
    wait_blocked(service)
    imgur.refusal = None

    url = OPEN.format(service)
    assert service.http.post(url, timeout=30).status_code == 401
    answer = service.http.post(url, headers=ADMIN, timeout=30)

    assert (answer.status_code, answer.json()["blocked"]) == (200, None)
    assert service.wait_complete(job_id)["uploaded"]["failed"] == []
    event = service.wait_for_event("uploads go on")
    assert (event["level"], event["why"]) == ("info", "somebody has asked for it")


def test_images_fail_when_it_lasts_too_long(stage: Stage) -> None:
    service, imgur, clock = stage.service, stage.imgur, stage.clock
    imgur.refusal = BLOCKED
    job_id = service.submit(imgur.urls(20))
    wait_blocked(service)
    probe(service, clock)
    probes = service.wait_for_event("an image was tried in vain: uploads stay stopped")
    assert probes["next_probe_seconds"] == 120
    clock.advance(DAY)

    status = service.wait_complete(job_id)
    assert {result["reason"] for result in status["results"]} == {"imgur-over-capacity"}
    assert "IMGUR_BLOCKED_SECONDS" in status["results"][-1]["message"]
    assert len(service.events("image failed", job_id=job_id)) >= 19
    assert service.wait_for_event("job complete", job_id=job_id)["failed"] == 20


def test_one_bad_image_fails_by_itself(stage: Stage) -> None:
    service, imgur = stage.service, stage.imgur
    imgur.refusal = FORBIDDEN
    status = service.upload_all(imgur.urls(1))

    (result,) = status["results"]
    assert (result["reason"], result["attempts"]) == ("imgur-forbidden", 1)
    event = service.wait_for_event("image failed", job_id=status["id"])
    assert event["reason"] == "imgur-forbidden"
    imgur.refusal = None
    assert service.upload_all(imgur.urls(3))["uploaded"]["failed"] == []


def test_a_budget_spreads_a_job_over_days_and_restarts(
    start: Launch, imgur: MoodyImgur, clock: MovedClock
) -> None:
    budget = {"IMGUR_UPLOADS_PER_DAY": "100", "WORKER_CONCURRENCY": "8"}
    service = start(**budget)
    job_id = service.submit(imgur.urls(350))
    for day, count in enumerate((100, 200, 300), 1):
        service.wait_for("a day's uploads", partial(imgur.has_taken, count))
        wait_spent(service)
        forecast = service.get(f"/v1/images/upload/{job_id}/forecast").json()["forecast"]
        assert forecast["budget"] == {"uploads": 100, "per": "day"}
        told = waiting(service, job_id)
        assert told["reason"] == "imgur-rate-limited"
        assert told["message"].startswith("Uploads wait for IMGUR_UPLOADS_PER_DAY (100)")
        assert service.status(job_id)["results"][-1]["message"] == told["message"]
        clock.advance(DAY / 2)
        if day == 2:
            kill(service)
            service = start(**budget)
            wait_spent(service)
        assert len(imgur.taken) == count, "never one more"
        clock.advance(DAY / 2 + 1)

    assert service.wait_complete(job_id)["uploaded"]["failed"] == []
    assert sorted(imgur.taken) == list(range(1, 351))
    assert limits(service)["budget"]["day"]["remaining"] == 50


def test_429_without_a_reset_pauses_longer_each_time(stage: Stage) -> None:
    service, imgur, clock = stage.service, stage.imgur, stage.clock
    full = (("X-RateLimit-ClientRemaining", "12340"), ("X-RateLimit-ClientReset", "86400"))
    imgur.refusal = Refusal(429, "Too Many Requests", full)
    job_id = service.submit(imgur.urls(4))
    for minutes in (1, 2, 4):
        service.wait_for("pause", lambda: limits(service)["paused"])
        assert minutes - 0.5 < limits(service)["pauseSeconds"] / MINUTE <= minutes
        told = waiting(service, job_id)
        assert told["message"].startswith("Imgur has asked to wait; uploads go on by")
        refused = imgur.refused
        if minutes == 4:
            imgur.refusal = None
        clock.advance(minutes * MINUTE)
        if minutes < 4:
            service.wait_for("next", lambda refused=refused: imgur.refused > refused)
    status = service.wait_complete(job_id)
    assert status["uploaded"]["failed"] == []


def test_nothing_fails_while_imgur_cannot_be_reached(launch: Launch, imgur: MoodyImgur) -> None:
    routes: dict[Origin, Origin] = {}
    with contextlib.closing(SocksProxy(routes)) as proxy:
        network = {"IMGUR_PROXY": proxy.url, "MAX_ATTEMPTS": "1"}
        service = launch(**imgur.settings | ONE_LANE | network).wait_until_ready()
        job_id = service.submit(imgur.urls(20))
        assert wait_blocked(service)["reason"] == "imgur-unreachable"
        service.wait_for_event("uploads stopped: Imgur cannot be reached")
        there = ("127.0.0.1", urlsplit(imgur.url).port or 80)
        routes[there] = there
        assert service.http.post(OPEN.format(service), headers=ADMIN, timeout=30).ok
        status = service.wait_complete(job_id)
    assert len(status["uploaded"]["complete"]) == 20
