"""Converter processes are SIGKILLed all the time: each kill costs one image, and nothing else."""

from functools import cache

import pytest

from tests.chaos.killer import Killer
from tests.picture_corpus import encode, photo
from tests.picture_site import PictureSite
from tests.processes import children_of, command_of
from tests.running_service import RunningService, not_over_ray

KILL_EVERY_SECONDS = 0.1
CONVERTED = 80
AS_THEY_ARE = 60


@cache
def content(_: str) -> bytes:
    """A WebP that takes some ten milliseconds."""
    return encode(photo((1000, 750)), "WEBP", quality=80, method=0)


def converters_of(service: RunningService) -> list[int]:
    """Processes that have an image in work."""
    servers = [
        child
        for worker in service.worker_pids()
        for child in children_of(worker)
        if "converter.server" in command_of(child)
    ]
    return [converter for server in servers for converter in children_of(server)]


@not_over_ray("a process of an actor's is found in another way, and killed in the same")
@pytest.mark.timeout(240)
def test_a_kill_every_100_ms(launch, note):
    service = launch(
        WORKER_COUNT="2", SOURCE_ALLOWED_NETWORKS="127.0.0.0/8", CONVERT_SECONDS="100"
    ).wait_until_ready()
    with PictureSite(content) as site:
        urls = [f"{site.url}/a.webp?{number}" for number in range(CONVERTED)]
        urls += [
            f"{service.sandbox}/images/numbered/k-{number}.png" for number in range(AS_THEY_ARE)
        ]
        job = service.submit(urls)
        with Killer(lambda: converters_of(service), KILL_EVERY_SECONDS) as killer:
            results = service.wait_complete(job, 200.0)["results"]
        after = service.upload_all([f"{site.url}/a.webp?after"])["results"]
    killed = [result for result in results if result["state"] == "failed"]
    note(f"{killer.kills} kills: {len(killed)} of {CONVERTED} images failed")

    assert killer.kills >= 3
    assert {result["reason"] for result in killed} == {"conversion-failed"}
    assert all("killed" in result["message"] for result in killed)
    assert len(killed) <= killer.kills
    assert all(result["state"] == "complete" for result in results[CONVERTED:])
    assert after[0]["converted"]["to"] == "image/jpeg"
    assert not service.events("worker died")
