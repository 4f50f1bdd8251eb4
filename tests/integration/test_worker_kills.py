"""Kill -9 of any worker at any moment loses nothing."""

import collections
import os
import random
import signal
import time

URLS = 600
LANES = 8
KILL_EVERY_SECONDS = 0.15


def test_each_url_ends_exactly_once_while_workers_are_killed(launch):
    service = launch(WORKER_COUNT="3", WORKER_CONCURRENCY=str(LANES)).wait_until_ready()
    names = [f"kill-{n}.png" for n in range(URLS)]
    urls = [f"{service.sandbox}/faults/latency/50/images/numbered/{name}" for name in names]
    job_id = service.submit(urls)
    kills, seen_final = 0, {}
    chance = random.Random(11)
    give_up = time.monotonic() + 100
    while (status := service.status(job_id))["status"] != "complete":
        assert time.monotonic() < give_up, service.log_text[-4000:]
        _check_nothing_goes_back(status, seen_final)
        running = sorted(service.workers().values())
        if running:
            os.kill(chance.choice(running), signal.SIGKILL)
            kills += 1
        time.sleep(KILL_EVERY_SECONDS)
    _check_nothing_goes_back(status, seen_final)

    assert kills >= 5
    assert [result["url"] for result in status["results"]] == urls
    states = collections.Counter(result["state"] for result in status["results"])
    assert states["pending"] == 0
    failed = [result for result in status["results"] if result["state"] == "failed"]
    assert {result["reason"] for result in failed} <= {"worker-crashed"}
    # Only what three workers died with may fail; a kill costs its worker's lanes one crash each.
    assert len(failed) <= kills * LANES / 3

    counted = collections.Counter(upload["name"] for upload in service.sandbox_uploads()["uploads"])
    for result, name in zip(status["results"], names, strict=True):
        if result["state"] == "complete":
            assert counted[_inscribed(counted, name)] >= 1
    doubles = sum(counted.values()) - len(counted)
    assert doubles <= kills * LANES
    links = [result["link"] for result in status["results"] if result["link"]]
    assert len(set(links)) == len(links)
    assert sorted(links) == sorted(service.get("/v1/images").json()["uploaded"])


def _check_nothing_goes_back(status, seen_final):
    for result in status["results"]:
        if result["state"] != "pending":
            final = (result["state"], result["link"], result["reason"])
            assert seen_final.setdefault(result["url"], final) == final


def _inscribed(counted, name):
    """The sandbox tells an upload by the name in the image's comment, with or without extension."""
    stem = name.rpartition(".")[0]
    return name if name in counted else stem
