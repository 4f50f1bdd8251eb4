"""A corpus of pictures through the whole product: what Imgur gets looks as it did at its source."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from tests.picture_corpus import LARGE, MADE, Picture, difference
from tests.picture_site import PictureSite
from tests.processes import children_of, command_of
from tests.running_service import Launch, RunningService

AS_IT_IS = {name for name in MADE if name.rsplit(".")[-1] in {"jpg", "png", "gif", "tiff", "bmp"}}
FAILING = {
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "type-not-accepted"),
    "picture.jxl": (b"\xff\x0a" + bytes(100), "type-not-accepted"),
    "cut.webp": (MADE["lossy.webp"]().content[:900], "conversion-failed"),
}


class Corpus:
    """The pictures that were asked for so far, each made then."""

    def __init__(self) -> None:
        self.pictures: dict[str, Picture] = {}

    def content(self, name: str) -> bytes:
        if name in FAILING:
            return FAILING[name][0]
        if name not in self.pictures:
            self.pictures[name] = {**MADE, **LARGE}[name]()
        return self.pictures[name].content


CORPUS = Corpus()


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with PictureSite(CORPUS.content) as one:
        yield one.url


def results_of(service: RunningService, site: str, names: list[str], **body: Any) -> dict[str, Any]:
    urls = [f"{site}/{name}" for name in names]
    answer = requests.post(
        f"{service.url}/v1/images/upload", json={"urls": urls, **body}, timeout=30
    )
    status = service.wait_complete(answer.json()["jobId"], 300.0)
    return dict(zip(names, status["results"], strict=True))


def uploaded(result: dict[str, Any]) -> bytes:
    with requests.Session() as session:
        session.trust_env = False  # proxies of the environment leave out 127.0.0.1 at most
        return session.get(result["link"], timeout=30).content


USUAL = {
    "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
    "DOWNLOAD_SECONDS": "200",
    "CONVERT_SECONDS": "200",
}


@pytest.fixture(scope="module")
def service(launch_shared: Launch) -> RunningService:
    return launch_shared(**USUAL).wait_until_ready()


def test_no_process_for_what_fits(service: RunningService, site: str) -> None:
    """The first one of its service: none has been needed."""
    results_of(service, site, sorted(AS_IT_IS))
    children = [child for pid in service.worker_pids() for child in children_of(pid)]
    assert not [child for child in children if "converter" in command_of(child)]


def conversions(service: RunningService) -> float:
    lines = service.get("/metrics").text.splitlines()
    counts = [
        line.split()[1] for line in lines if line.startswith("imgup_conversion_seconds_count")
    ]
    return sum(map(float, counts))


def test_told_everywhere(service: RunningService, site: str) -> None:
    before = conversions(service)
    (result,) = results_of(service, site, ["lossy.webp"]).values()
    assert result["converted"]["from"] == "image/webp"
    job = service.get("/v1/jobs").json()["jobs"][0]["id"]
    (entry,) = service.get(f"/v1/images/upload/{job}?timeline=1").json()["results"]
    events = [event["event"] for event in entry["timeline"]]
    assert events == ["queued", "claimed", "downloaded", "converted", "uploaded"]
    assert conversions(service) == before + 1


@pytest.mark.timeout(600)
def test_the_corpus(service: RunningService, site: str) -> None:
    names = [*MADE, *LARGE, *FAILING]
    results = results_of(service, site, names)

    wrong = []
    for name, (_, reason) in FAILING.items():
        if (results[name]["reason"], results[name]["link"]) != (reason, None):
            wrong.append((name, results[name]))
    for name, picture in CORPUS.pictures.items():
        result = results[name]
        if result["state"] != "complete" or not shows(result, uploaded(result), picture, name):
            wrong.append((name, result))
    assert not wrong


def shows(result: dict[str, Any], content: bytes, picture: Picture, name: str) -> bool:
    if name in AS_IT_IS:
        return content == picture.content and "converted" not in result
    converted = result["converted"]
    if converted["to"] not in picture.becomes or converted["bytesAfter"] != len(content):
        return False
    with Image.open(io.BytesIO(content)) as image:
        if image.size != (converted["width"], converted["height"]):
            return False
        for number, expected in enumerate(picture.shows):
            image.seek(number)
            if difference(expected, image) > picture.tolerance:
                return False
        return getattr(image, "n_frames", 1) == len(picture.shows)


def test_only_if_it_is_wanted(launch: Launch, site: str) -> None:
    service = launch(STRIP_METADATA="all", **USUAL).wait_until_ready()
    names = ["drawing.webp", "photo.jpg"]
    reasons = {
        name: result["reason"]
        for name, result in results_of(service, site, names, convert=False).items()
    }
    assert reasons == {"drawing.webp": "type-not-accepted", "photo.jpg": None}


def test_switched_off(launch: Launch, site: str) -> None:
    service = launch(CONVERT="off", **USUAL).wait_until_ready()
    results = results_of(service, site, ["lossy.webp", "cmyk-large.jpg"])
    assert [result["reason"] for result in results.values()] == ["type-not-accepted", "too-large"]
