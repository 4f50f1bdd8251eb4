"""Albums of jobs, with real processes and sockets."""

import os
import random
import signal
from pathlib import Path
from typing import Any

from tests.running_service import Launch, RunningService, Status

NO_SUCH = "/faults/status/404"


def submit(service: RunningService, paths: list[str], **album: str) -> str:
    body = {"urls": [service.sandbox + path for path in paths], "album": album}
    answer = service.http.post(service.url + "/v1/images/upload", json=body, timeout=30)
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["jobId"]
    return job_id


def wait_ordered(service: RunningService, job_id: str, seconds: float = 60.0) -> Status:
    def ordered() -> Status | None:
        status = service.status(job_id)
        is_done = status["status"] == "complete" and status["album"]["state"] == "ordered"
        return status if is_done else None

    status: Status = service.wait_for("ordered album", ordered, seconds)
    return status


def retry(service: RunningService, job_id: str) -> str:
    path = f"{service.url}/v1/images/upload/{job_id}/retry"
    answer = service.http.post(path, timeout=30)
    assert answer.status_code == 202, answer.text
    new_id: str = answer.json()["jobId"]
    return new_id


def album_at_imgur(service: RunningService, status: Status) -> dict[str, Any]:
    albums = service.sandbox_uploads()["albums"]
    (found,) = [album for album in albums if album["id"] == status["album"]["id"]]
    return found


def names_in(service: RunningService, status: Status) -> list[str]:
    """The names of an album's images, in their order at Imgur."""
    listing = service.sandbox_uploads()
    names = {upload["id"]: upload["name"] for upload in listing["uploads"]}
    return [names[image] for image in album_at_imgur(service, status)["images"]]


def numbered(prefix: str, numbers: range | list[int]) -> list[str]:
    return [f"{prefix}-{number}.png" for number in numbers]


def images(names: list[str]) -> list[str]:
    return [f"/images/numbered/{name}" for name in names]


def test_a_job_has_an_album_of_its_own_in_the_order_of_submission(service: RunningService) -> None:
    names = numbered("own", range(12))
    paths = images(names)
    paths[0] = f"/faults/latency/400{paths[0]}"  # it comes last
    paths.insert(3, NO_SUCH)
    album = {"title": "A day", "description": "Sun", "privacy": "hidden", "layout": "grid"}

    status = wait_ordered(service, submit(service, paths, **album))

    assert status["counts"]["failed"] == 1
    assert names_in(service, status) == names
    there = album_at_imgur(service, status)
    assert {name: there[name] for name in album} == album
    assert set(status["album"]) == {"id", "link", "state"}
    page = service.http.get(status["album"]["link"], timeout=30)
    links = status["uploaded"]["complete"]
    assert [page.text.index(link) for link in links] == sorted(map(page.text.index, links))


def test_a_retry_fills_the_gaps_of_the_same_album(service: RunningService) -> None:
    names = numbered("again", range(9))
    paths = images(names)
    for index in (0, 4, 8):  # fails as often as a job tries
        paths[index] = f"/images/imgur-fault/file-type-invalid~1/again-{index}.png"
    first = wait_ordered(service, submit(service, paths, title="Again"))
    assert first["counts"]["failed"] == 3

    second = wait_ordered(service, retry(service, first["id"]))

    assert second["counts"] == {"pending": 0, "complete": 3, "failed": 0, "total": 3}
    assert second["album"] == service.status(first["id"])["album"]
    found = names_in(service, second)
    assert [found[index] for index in (0, 4, 8)] == [
        f"fault file-type-invalid~1 again-{index}" for index in (0, 4, 8)
    ]
    assert found[1:4] + found[5:8] == names[1:4] + names[5:8]
    assert len(service.sandbox_uploads()["albums"]) == len(
        {album["id"] for album in service.sandbox_uploads()["albums"]}
    )


def test_an_album_is_deleted_and_its_images_stay(service: RunningService) -> None:
    status = wait_ordered(service, submit(service, images(numbered("gone", range(2)))))
    path = f"{service.url}/v1/images/upload/{status['id']}/album"
    answer = service.http.delete(path, timeout=30)
    assert (answer.status_code, answer.json()["deleted"]) == (202, "pending")
    service.wait_for(
        "deletion", lambda: service.status(status["id"])["album"].get("deleted") == "done"
    )
    assert album_at_imgur(service, status)["deleted"]
    assert service.http.get(status["album"]["link"], timeout=30).status_code == 404
    for link in status["uploaded"]["complete"]:
        assert service.http.get(link, timeout=30).status_code == 200
    answer = service.http.delete(path, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (409, "album-already-deleted")


def test_the_secret_of_an_album_stays_inside(service: RunningService) -> None:
    status = wait_ordered(service, submit(service, images(["secret-1.png", "secret-2.png"])))
    # The sandbox's deletehash of an album is its id, a hyphen and the secret.
    assert f"{status['album']['id']}-" not in service.log_text
    assert f"{status['album']['id']}-" not in str(status)


def test_200_images_with_failures_and_kills_are_in_order(launch: Launch, tmp_path: Path) -> None:
    choose = random.Random(18)
    names = numbered("many", range(200))
    paths = images(names)
    failing = sorted(choose.sample(range(200), 30))
    for index in failing:  # for reasons of the image: three of Imgur's own would stop uploads
        paths[index] = choose.choice(
            [NO_SUCH + f"?{index}", f"/images/imgur-fault/file-type-invalid/many-{index}.png"]
        )
    for index in choose.sample([n for n in range(200) if n not in failing], 60):
        paths[index] = f"/faults/latency/{choose.randrange(50, 500)}{paths[index]}"
    service = launch(
        WORKER_COUNT="2", WORKER_CONCURRENCY="8", JOURNAL_PATH=str(tmp_path / "journal")
    ).wait_until_ready()
    job_id = submit(service, paths, title="Many")
    for done in (20, 70, 120):
        service.wait_for(
            f"{done} images", lambda done=done: service.status(job_id)["counts"]["complete"] >= done
        )
        os.kill(choose.choice(service.worker_pids()), signal.SIGKILL)
    status = wait_ordered(service, job_id, 120.0)

    results = status["results"]
    # One that was with each of the three workers that died has failed for that, and one that two of
    # them were uploading.
    reasons = {"worker-crashed", "upload-interrupted"}
    crashed = {n for n, result in enumerate(results) if result["reason"] in reasons}
    assert len(crashed) <= 16
    kept = [name for index, name in enumerate(names) if index not in {*failing, *crashed}]
    assert names_in(service, status) == kept
    counts = {"pending": 0, "complete": len(kept), "failed": 200 - len(kept), "total": 200}
    assert status["counts"] == counts
    listing = service.sandbox_uploads()
    assert len(listing["albums"]) == 1
    maybe_duplicated = [result for result in results if result.get("possiblyDuplicated")]
    most = len(kept) + len(crashed) + len(maybe_duplicated)
    assert len(kept) <= listing["count"] <= most
    log = service.log_text
    assert f"{status['album']['id']}-" not in log


def test_an_album_survives_a_restart(launch: Launch, tmp_path: Path) -> None:
    """So does the sandbox, which is none of the service's."""
    environ = {"JOURNAL_PATH": str(tmp_path / "journal"), "WORKER_CONCURRENCY": "4"}
    names = numbered("restart", range(40))
    paths = [f"/faults/latency/150{path}" for path in images(names)]
    first = launch(**environ).wait_until_ready()
    job_id = submit(first, paths, title="Restart")
    first.wait_for("some images", lambda: first.status(job_id)["counts"]["complete"] >= 10)
    album = first.status(job_id)["album"]
    first.kill_all()

    second = launch(**environ).wait_until_ready()

    status = wait_ordered(second, job_id)
    assert status["album"] == album | {"state": "ordered"}
    assert names_in(second, status) == names
    assert len(second.sandbox_uploads()["albums"]) == 1
