"""The death of each part on a cluster: every URL ends, exactly once."""

import logging
import os
import signal
import threading
from pathlib import Path

import pytest
import requests

from tests.chaos.checker import Checker
from tests.chaos.client import Client
from tests.chaos.load import name_of, slow_urls, submit_all
from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.ray.running_cluster import NodeKiller, break_connections, gone, wait_for

WORKERS = 4
LANES = 4
KILL_NODE_SECONDS = 5.0
NODE_URLS = 2000
_FIGURES = logging.getLogger("figures")  # shown by --log-cli-level=INFO


class SilentImgur(LoopbackServer):
    """Takes images and never answers; `begun` is set at the first."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.begun = threading.Event()


class _Handler(LoopbackHandler):
    server: SilentImgur

    def post(self) -> None:
        self.read_body()
        self.server.begun.set()
        self.rfile.read(1)  # until the client is gone


def test_a_job_is_done_by_workers_on_several_nodes(launch, sandbox, cluster):
    service = launch().wait_until_ready()
    wait_for("all workers", lambda: len(cluster.pids("ClusterWorker")) == WORKERS)
    parents = {_parent(pid) for pid in cluster.pids("ClusterWorker")}
    assert len(parents) >= 2
    status = service.upload_all(slow_urls(sandbox, "several", 200))
    assert len(status["uploaded"]["complete"]) == 200


def test_killed_workers_cost_no_url(launch, sandbox, sandbox_links, cluster):
    service = launch().wait_until_ready()
    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        sender = submit_all(client, slow_urls(sandbox, "w", 300, milliseconds=50))
        for _ in range(3):
            victims = wait_for("workers", lambda: cluster.pids("ClusterWorker"))
            os.kill(victims[0], signal.SIGKILL)
            wait_for("end", lambda victim=victims[0]: gone([victim]))
        sender.join()
        assert client.wait_until_done()
    verdict = _verdict(checker, sandbox_links, "w", 3 * LANES)
    _check(verdict, 300)
    assert not client.errors


@pytest.mark.timeout(300)
def test_nodes_killed_every_five_seconds_cost_no_url(launch, sandbox, sandbox_links, cluster):
    service = launch().wait_until_ready()
    checker = Checker(name_of)
    with Client(service.url, checker) as client:
        sender = submit_all(client, slow_urls(sandbox, "n", NODE_URLS, milliseconds=100))
        with NodeKiller(cluster, KILL_NODE_SECONDS) as killer:
            sender.join()
            done = client.wait_until_done()
            wait_for("kills", lambda: killer.kills >= 3)
    verdict = _verdict(checker, sandbox_links, "n", killer.kills * WORKERS * LANES)
    _FIGURES.info("%d nodes killed: %s", killer.kills, verdict)
    assert done, str(verdict)
    _check(verdict, NODE_URLS)
    assert not client.errors


def test_a_killed_supervisor_is_started_again_and_takes_the_workers_over(launch, sandbox, cluster):
    service = launch().wait_until_ready()
    wait_for("all workers", lambda: len(cluster.pids("ClusterWorker")) == WORKERS)
    workers = set(cluster.pids("ClusterWorker"))
    job_id = service.submit(slow_urls(sandbox, "s", 100, milliseconds=200))
    (supervisor,) = cluster.pids("ClusterSupervisor")
    os.kill(supervisor, signal.SIGKILL)
    (after,) = wait_for(
        "another supervisor",
        lambda: set(cluster.pids("ClusterSupervisor")) - {supervisor},
    )
    assert len(service.wait_complete(job_id)["uploaded"]["complete"]) == 100
    assert set(cluster.pids("ClusterWorker")) == workers
    os.kill(min(workers), signal.SIGKILL)
    wait_for("a new worker", lambda: len(set(cluster.pids("ClusterWorker")) - workers) == 1)
    assert cluster.pids("ClusterSupervisor") == [after]
    assert wait_for(
        "line about it",
        lambda: min(workers) in [event["pid"] for event in cluster.events("worker died")],
    )


def test_what_fails_with_a_worker_that_nobody_watched_is_logged(launch, sandbox, cluster):
    with SilentImgur() as imgur:
        service = launch(IMGUR_API_URL=imgur.url, CRASHED_UPLOADS="fail", WORKER_COUNT="1")
        service.wait_until_ready()
        job_id = service.submit(slow_urls(sandbox, "unwatched", 1))
        wait_for("an upload", imgur.begun.is_set)
        for name in ("ClusterSupervisor", "ClusterWorker"):
            os.kill(cluster.pids(name)[0], signal.SIGKILL)
        assert service.wait_complete(job_id)["uploaded"]["failed"]
    for event in ("image failed", "job complete"):
        wait_for(
            event,
            lambda event=event: job_id in [line["job_id"] for line in cluster.events(event)],
        )


def test_a_killed_service_finds_its_jobs_again(launch, sandbox, sandbox_links, cluster):
    first = launch().wait_until_ready()
    checker = Checker(name_of)
    urls = slow_urls(sandbox, "again", 200, milliseconds=200)
    job_id = first.submit(urls)
    first.wait_for("urls in work", lambda: first.get("/readyz").json()["leased_urls"])
    workers = set(cluster.pids("ClusterWorker"))
    first.signal(signal.SIGKILL)
    first.wait_for_exit()
    second = launch().wait_until_ready()
    assert second.wait_for_event("actors found on the cluster")
    status = second.wait_complete(job_id)
    assert len(status["uploaded"]["complete"]) == len(urls)
    assert workers <= set(cluster.pids("ClusterWorker"))
    checker.accepted(job_id, urls, 0.0)
    checker.status(job_id, status, 1.0)
    checker.images(second.get("/v1/images").json()["uploaded"], set())
    _check(_verdict(checker, sandbox_links, "again", 0), len(urls))


def test_a_broken_connection_to_the_state_is_not_its_death(launch, sandbox, cluster):
    service = launch().wait_until_ready()
    job_id = service.submit(slow_urls(sandbox, "broken", 100, milliseconds=200))
    (state,) = cluster.pids("BackendState")
    assert break_connections(service.process.pid, state)
    assert len(service.wait_complete(job_id)["uploaded"]["complete"]) == 100
    os.kill(state, signal.SIGKILL)  # is noticed all the same
    assert service.wait_for_exit() == 1
    assert service.events("the job state is lost; exiting so that a fresh start can follow")


def test_the_death_of_the_state_ends_the_service_and_the_next_one_begins_anew(
    launch, sandbox, cluster
):
    first = launch().wait_until_ready()
    first.submit(slow_urls(sandbox, "doomed", 100, milliseconds=200))
    actors = cluster.pids("ClusterWorker") + cluster.pids("ClusterSupervisor")
    (state,) = cluster.pids("BackendState")
    os.kill(state, signal.SIGKILL)
    assert first.wait_for_exit() == 1
    assert first.events("the job state is lost; exiting so that a fresh start can follow")
    wait_for("end of its actors", lambda: gone(actors))
    second = launch().wait_until_ready()
    status = second.upload_all(slow_urls(sandbox, "anew", 20))
    assert len(status["uploaded"]["complete"]) == 20


def _verdict(checker, sandbox_links, prefix, max_extra):
    """By what the sandbox has counted of this test; it serves others as well."""
    uploads = requests.get(sandbox_links["uploads"], timeout=60).json()["uploads"]
    names = [upload["name"] for upload in uploads]
    return checker.judge([name for name in names if f" {prefix}-" in name], max_extra)


def _check(verdict, urls):
    assert not verdict.violations, str(verdict)
    assert verdict.lost == 0
    assert verdict.complete + sum(verdict.failed.values()) == urls
    assert set(verdict.failed) <= {"worker-crashed"}


def _parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
