"""The estimate of memory is not below what the allocator says, and not far above it."""

import gc
import pickle
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.lane_mailbox import Mailbox
from workers.contract.job_options import JobOptions
from workers.contract.mailbox_limits import MailboxLimits
from workers.contract.messages.outcomes import (
    Altered,
    Converted,
    Failed,
    ImageDetails,
    Outcome,
    RetryLater,
    Uploaded,
)
from workers.contract.messages.round_trip import DownloadReport, Report
from workers.contract.messages.submission import Origin, RequestKey, Submission
from workers.state.jobs.job_table import JobTable

MAX_ABOVE = 4.0  # of jobs that wait: how their URLs end is counted from the start
LOST = "The source answered 404."
WORDY = "The source answered, and what it said was not what anybody had hoped for. " * 4


def through_a_pipe(message: Any) -> Any:
    """As the mailbox gets it: no string is shared with another message."""
    return pickle.loads(pickle.dumps(message))


class Manager:
    """A table and a mailbox, and what is done to them; to so many of the URLs of a job."""

    def __init__(self, most_urls: int = 1000) -> None:
        self.most_urls = most_urls
        self.now = 0.0
        self.table = JobTable(clock=lambda: self.now)
        self.box = Mailbox(self.table, MailboxLimits(), lambda: self.now)
        self.box.register("w")

    def put(
        self,
        jobs: int,
        urls: int,
        length: int = 70,
        *,
        host: str = "s",
        with_key: bool = False,
        name: int = 0,
        **more: Any,
    ) -> None:
        for job in range(jobs):
            texts = []
            for number in range(min(urls, self.most_urls)):
                head = f"https://{host.format(number)}.test/{job}/{number}/"
                texts.append(head + "x" * (length - len(head)))
            job_id = f"55355b7c-9b86-4a1a-b32e-6cdd6db0{job + name:04d}"
            sent = Submission(job_id, tuple(texts), origin=Origin(f"{job:032d}"), **more)
            if with_key:
                sent = replace(sent, request=RequestKey(f"{job:0200d}", "d" * 32))
            assert self.box.put(through_a_pipe(sent)) is None

    def work(self, outcome: Callable[[int], Outcome]) -> None:
        while leases := self.box.claim("w", 0, 50).leases:
            for lease in map(through_a_pipe, leases):
                content = f"{lease.job_id}{lease.index}".encode()
                download_report = DownloadReport(lease.token, 1000, "image/png", 10, content)
                self.box.begin_upload("w", lease.token, through_a_pipe(download_report))
                report = through_a_pipe(Report(lease.token, outcome(lease.token)))
                assert self.box.ack("w", report).accepted

    @property
    def estimate(self) -> int:
        return self.table.size + self.box._room.size


def image(number: int) -> Outcome:
    return Uploaded(f"https://i.imgur.com/{number:07d}.jpg", f"{number:015d}")


def altered(number: int) -> Outcome:
    link, deletehash = f"https://i.imgur.com/{number:07d}.jpg", f"{number:015d}"
    details = ImageDetails(altered=Altered("image/jpeg", 100_000 + number))
    return Uploaded(link, deletehash, details=details)


def converted(number: int) -> Outcome:
    link, deletehash = f"https://i.imgur.com/{number:07d}.jpg", f"{number:015d}"
    sizes = (100_000 + number, 200_000 + number, 3000 + number, 4000 + number)
    made = Converted("image/webp", "image/jpeg", *sizes)
    details = ImageDetails(resolved_to=f"https://s.test/{number}", converted=made)
    return Uploaded(link, deletehash, details=details)


def known(number: int) -> Outcome:
    details = ImageDetails(deduplicated=True)
    return Uploaded(f"https://i.imgur.com/{number:07d}.jpg", "", details=details)


def remembered(number: int) -> Outcome:
    return Uploaded(
        f"https://i.imgur.com/{number:07d}.jpg", f"{number:015d}", content=b"%d" % number
    )


def lost(_number: int) -> Outcome:
    return Failed("source-not-found", LOST)


def wordy(number: int) -> Outcome:
    return Failed("source-not-found", f"{WORDY}{number}")


def later(number: int) -> Outcome:
    return RetryLater("source-error", f"{LOST} {number}", 60.0, maybe_stored=True)


def paused(number: int) -> Outcome:
    return RetryLater("source-rate-limited", LOST, 1.0, source_pause_seconds=1000.0 + number)


def many_urls(manager: Manager) -> None:
    manager.put(2, 200)


def uploaded(manager: Manager) -> None:
    many_urls(manager)
    manager.work(image)


def uploaded_and_altered(manager: Manager) -> None:
    many_urls(manager)
    manager.work(altered)


def uploaded_and_converted(manager: Manager) -> None:
    many_urls(manager)
    manager.work(converted)


def known_already(manager: Manager) -> None:
    many_urls(manager)
    manager.work(known)


def uploaded_with_digests(manager: Manager) -> None:
    many_urls(manager)
    manager.work(remembered)


def failed(manager: Manager) -> None:
    many_urls(manager)
    manager.work(lost)


def failed_with_many_words(manager: Manager) -> None:
    many_urls(manager)
    manager.work(wordy)


def long_urls(manager: Manager) -> None:
    manager.put(2, 100, 2000)
    manager.work(lost)


def small_jobs(manager: Manager) -> None:
    manager.put(150, 1)


def small_jobs_done(manager: Manager) -> None:
    small_jobs(manager)
    manager.work(image)


def small_jobs_with_all_there_is(manager: Manager) -> None:
    headers = (("https://s.test", (("Authorization", "x" * 200),)),)
    options = JobOptions("album", "title" * 20, "text" * 50, source_headers=headers)
    manager.put(150, 1, options=options, with_key=True)
    manager.work(image)


def data_urls(manager: Manager) -> None:
    for job in range(3):
        data = {index: bytes([index]) * 20_000 for index in range(50)}
        manager.put(1, 50, data=data, name=job)


def data_urls_uploaded(manager: Manager) -> None:
    data_urls(manager)
    manager.work(image)


def data_urls_failed(manager: Manager) -> None:
    data_urls(manager)
    manager.work(lost)


def retried(manager: Manager) -> None:
    manager.put(2, 50)
    for _ in range(10):
        manager.work(later)
        manager.now += 100.0


def waiting_for_their_next_try(manager: Manager) -> None:
    many_urls(manager)
    manager.work(later)


def waiting_for_paused_sources(manager: Manager) -> None:
    manager.put(2, 200, host="h{}")
    manager.work(paused)
    manager.now += 10.0
    manager.work(paused)


KINDS = (
    many_urls,
    uploaded,
    uploaded_and_altered,
    uploaded_and_converted,
    known_already,
    uploaded_with_digests,
    failed,
    failed_with_many_words,
    long_urls,
    small_jobs,
    small_jobs_done,
    small_jobs_with_all_there_is,
    data_urls,
    data_urls_uploaded,
    data_urls_failed,
    retried,
    waiting_for_their_next_try,
    waiting_for_paused_sources,
)


@pytest.mark.parametrize("happened", KINDS, ids=[kind.__name__ for kind in KINDS])
@pytest.mark.unmeasured
def test_it_is_not_below_the_truth(happened: Callable[[Manager], None]) -> None:
    happened(Manager(most_urls=5))  # whatever is made once is there
    manager = Manager()  # with its metrics, which no job adds to
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        happened(manager)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown <= manager.estimate <= MAX_ABOVE * grown
