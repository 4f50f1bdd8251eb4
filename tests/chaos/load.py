"""What the chaos suite sends: images that take their time, each told from all others.

CHAOS_FORM=long selects the full form (`make test-chaos`); every test run has the short one.
"""

import os
import threading
import time
from collections.abc import Iterable, Sequence

import requests

from tests.chaos.checker import Checker, Verdict
from tests.chaos.client import Client
from tests.running_service import BACKEND

IS_LONG = os.environ.get("CHAOS_FORM") == "long"
URLS = 10_000 if IS_LONG else 300
JOB_URLS = 250
# An actor takes seconds to come up on a busy machine; by a kill every 100 ms none would work.
KILL_EVERY_SECONDS = 2.0 if BACKEND == "ray" else 0.1
LATENCY_MILLISECONDS = 100 if BACKEND == "ray" else 10


def slow_urls(
    sandbox: str, name: str, count: int, milliseconds: int = LATENCY_MILLISECONDS
) -> list[str]:
    """Images that are slow to come, and slow to be taken by Imgur once it has them.

    Args:
        sandbox: its origin.
        name: what tells these from others.
        count: how many.
        milliseconds: of latency on either side.
    """
    base = f"{sandbox}/faults/latency/{milliseconds}/images/imgur-fault/latency-{milliseconds}"
    return [f"{base}/{name}-{number}.png" for number in range(count)]


def name_of(url: str) -> str:
    """What the sandbox calls the image of one of `slow_urls`, or of its numbered ones."""
    path = url.partition("?")[0]
    folder, image = path.split("/")[-2:]
    if folder.startswith("latency-"):
        return f"fault {folder} {image.partition('.')[0]}"
    return image


def jobs_of(urls: Sequence[str], size: int = JOB_URLS) -> Iterable[Sequence[str]]:
    """Cut into jobs."""
    return (urls[start : start + size] for start in range(0, len(urls), size))


def submit_all(client: Client, urls: Sequence[str], gap_seconds: float = 0.05) -> threading.Thread:
    """Send all URLs, job by job, on a thread of its own."""

    def send() -> None:
        for job in jobs_of(urls):
            client.submit(job)
            time.sleep(gap_seconds)

    thread = threading.Thread(target=send, name="chaos-submitter")
    thread.start()
    return thread


def judge(checker: Checker, uploads_link: str, max_extra: int) -> Verdict:
    """The verdict, by what the sandbox counted that gave out this link."""
    with requests.Session() as http:
        http.trust_env = False
        answer = http.get(uploads_link, timeout=60).json()
    return checker.judge([upload["name"] for upload in answer["uploads"]], max_extra)
