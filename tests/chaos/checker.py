"""Judges a service by what its clients saw, in the manner of Jepsen's total-queue checker.

The checker knows nothing of how the service works. It is told each answer as it arrives, and at
the end what the other side, the sandbox, counted; whatever contradicts a promise is a violation.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STATUSES = ("pending", "in-progress", "complete")
MAX_UPLOADS = 2
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to.

    Attributes:
        complete: URLs that ended so; likewise `failed`.
        lost: URLs that never ended, or are missing from their job.
        extra: uploads beyond the completes.
        maybe_duplicated: URLs that the sandbox got twice.
        marked: URLs that the service itself calls possibly duplicated.
        pause: the longest time, in seconds, without any URL ending while some were open.
        reads: answers that were checked.
        violations: how often each promise was broken.
        examples: the first few of them, in words.
    """

    urls: int
    complete: int
    failed: Counter[str]
    lost: int
    extra: int
    maybe_duplicated: int
    marked: int
    pause: float
    reads: int
    violations: Counter[str]
    examples: tuple[str, ...]

    def __str__(self) -> str:
        figures = (
            f"{self.urls} URLs: {self.complete} complete, failed {dict(self.failed)}, "
            f"{self.lost} lost; {self.extra} uploads beyond the completes, "
            f"{self.maybe_duplicated} URLs uploaded twice, {self.marked} marked; "
            f"longest pause {self.pause:.2f} s, {self.reads} answers read"
        )
        broken = f"; BROKEN {dict(self.violations)}: {self.examples}" if self.violations else ""
        return figures + broken


@dataclass(slots=True)
class _Job:
    urls: tuple[str, ...]
    answer: dict[str, Any] | None = None


@dataclass(slots=True)
class Checker:
    """Records observations of one service; `judge` ends the run.

    Attributes:
        name_of: the name under which the sandbox counts the image of a URL.
    """

    name_of: Callable[[str], str]
    reads: int = 0
    _jobs: dict[str, _Job] = field(default_factory=dict)
    _links: list[str] = field(default_factory=list)
    _violations: Counter[str] = field(default_factory=Counter)
    _examples: list[str] = field(default_factory=list)
    _ended: int = 0
    _accepted: int = 0
    _last_end: float = 0.0
    _pause: float = 0.0

    # --- observations -----------------------------------------------------------------------

    def accepted(self, job_id: str, urls: Sequence[str], at: float) -> None:
        """The service has answered that it takes this job."""
        if job_id in self._jobs:
            self._broken("job-id-twice", job_id)
        if self._ended == self._accepted:
            self._last_end = at  # nothing was open: no pause is counted
        self._accepted += len(urls)
        self._jobs[job_id] = _Job(tuple(urls))

    def missing(self, job_id: str) -> None:
        """The service says that it has no such job."""
        self._broken("job-missing", job_id)

    def status(self, job_id: str, answer: dict[str, Any], at: float) -> None:
        """The service has answered how a job stands, at these monotonic seconds."""
        self.reads += 1
        job = self._jobs[job_id]
        self._check_shape(job_id, job.urls, answer)
        self._check_stamps(job_id, answer)
        if job.answer is not None:
            self._check_nothing_goes_back(job_id, job.answer, answer)
        before = _ended(job.answer) if job.answer is not None else 0
        job.answer = answer
        self._note_progress(_ended(answer) - before, at)

    def images(self, links: list[str], known: set[str]) -> None:
        """The service has answered which links there are.

        Args:
            links: the answer.
            known: links that statuses showed before this answer was asked for.
        """
        self.reads += 1
        if links[: len(self._links)] != self._links:
            self._broken("links-back", f"{len(self._links)} links, then {len(links)}")
        if absent := known - set(links):
            self._broken("links-lack", f"{sorted(absent)[:3]}")
        self._links = links

    def known_links(self) -> set[str]:
        """All links that statuses have shown."""
        answers = [job.answer for job in self._jobs.values() if job.answer is not None]
        return {link for answer in answers for link in answer["uploaded"]["complete"]}

    @property
    def open_urls(self) -> int:
        """URLs accepted that were not seen to end."""
        return self._accepted - self._ended

    @property
    def last_end(self) -> float:
        """Monotonic seconds at which a URL was last seen to end."""
        return self._last_end

    # --- the end ----------------------------------------------------------------------------

    def judge(self, uploads: Iterable[str | None], max_extra: int) -> Verdict:
        """Compare with what the other side counted.

        Args:
            uploads: the name of each image that the sandbox took.
            max_extra: uploads that may have been under way when workers died.
        """
        counted = Counter(uploads)
        results = {
            result["url"]: result
            for job in self._jobs.values()
            if job.answer is not None
            for result in job.answer["results"]
        }
        urls = [url for job in self._jobs.values() for url in job.urls]
        ended = [result for result in results.values() if result["state"] != "pending"]
        for url in urls:
            if results.get(url, {"state": "pending"})["state"] == "pending":
                self._broken("lost", url)
        complete = [result for result in ended if result["state"] == "complete"]
        self._check_links(complete)
        self._check_uploads(counted, urls, results)
        extra = sum(counted.values()) - len(complete)
        if extra > max_extra:
            self._broken("too-many-uploads", f"{extra} beyond the completes, {max_extra} at most")
        return Verdict(
            urls=len(urls),
            complete=len(complete),
            failed=Counter(r["reason"] for r in ended if r["state"] == "failed"),
            lost=self._violations["lost"],
            extra=extra,
            maybe_duplicated=sum(count > 1 for count in counted.values()),
            marked=sum(result.get("possiblyDuplicated", False) for result in results.values()),
            pause=self._pause,
            reads=self.reads,
            violations=self._violations,
            examples=tuple(self._examples),
        )

    # --- the promises -----------------------------------------------------------------------

    def _check_shape(self, job_id: str, urls: tuple[str, ...], answer: dict[str, Any]) -> None:
        lists, results = answer["uploaded"], answer["results"]
        if tuple(result["url"] for result in results) != urls:
            self._broken("urls-differ", job_id)
        by_state: dict[str, list[str]] = {"pending": [], "complete": [], "failed": []}
        for result in results:
            shown = result["link"] if result["state"] == "complete" else result["url"]
            by_state[result["state"]].append(shown)
        if by_state != lists:
            self._broken("lists-disagree", job_id)
        if (answer["status"] == "complete") != (not lists["pending"]):
            self._broken("status-disagrees", f"{job_id} {answer['status']}")

    def _check_stamps(self, job_id: str, answer: dict[str, Any]) -> None:
        created, finished = answer["created"], answer["finished"]
        if (finished is not None) != (answer["status"] == "complete"):
            self._broken("finished-disagrees", f"{job_id} {finished} {answer['status']}")
        if finished is not None and _moment(finished) < _moment(created):
            self._broken("finished-before-created", f"{job_id} {created} {finished}")

    def _check_nothing_goes_back(
        self, job_id: str, before: dict[str, Any], now: dict[str, Any]
    ) -> None:
        if STATUSES.index(now["status"]) < STATUSES.index(before["status"]):
            self._broken("status-back", f"{job_id} {before['status']} {now['status']}")
        if now["created"] != before["created"]:
            self._broken("created-changed", job_id)
        if before["finished"] not in (None, now["finished"]):
            self._broken("finished-changed", job_id)
        for name in ("complete", "failed"):
            if not set(before["uploaded"][name]) <= set(now["uploaded"][name]):
                self._broken("list-back", f"{job_id} {name}")
        if not set(now["uploaded"]["pending"]) <= set(before["uploaded"]["pending"]):
            self._broken("list-back", f"{job_id} pending")
        for old, new in zip(before["results"], now["results"], strict=False):
            if old["state"] != "pending" and _end_of(old) != _end_of(new):
                self._broken("end-changed", f"{_end_of(old)} {_end_of(new)}")

    def _check_links(self, complete: list[dict[str, Any]]) -> None:
        links = [result["link"] for result in complete]
        if len(set(links)) != len(links):
            self._broken("link-twice", f"{len(links) - len(set(links))}")
        if sorted(links) != sorted(self._links):
            self._broken("links-differ", f"{len(links)} complete, {len(self._links)} listed")

    def _check_uploads(
        self, counted: Counter[str | None], urls: list[str], results: dict[str, dict[str, Any]]
    ) -> None:
        names = {self.name_of(url): url for url in urls}
        for name in counted.keys() - names.keys():
            self._broken("upload-unknown", f"{name}")
        for name, url in names.items():
            result = results.get(url, {"state": "pending"})
            if result["state"] == "complete" and not counted[name]:
                self._broken("complete-without-upload", url)
            if counted[name] > MAX_UPLOADS:
                self._broken("uploaded-too-often", f"{url} {counted[name]} times")
            if counted[name] > 1 and not result.get("possiblyDuplicated"):
                self._broken("double-not-marked", url)

    # --- inside -----------------------------------------------------------------------------

    def _note_progress(self, ended: int, at: float) -> None:
        if ended > 0:
            self._ended += ended
            self._pause = max(self._pause, at - self._last_end)
            self._last_end = at

    def _broken(self, promise: str, example: str) -> None:
        self._violations[promise] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(f"{promise}: {example}")


def _ended(answer: dict[str, Any]) -> int:
    return len(answer["uploaded"]["complete"]) + len(answer["uploaded"]["failed"])


def _end_of(result: dict[str, Any]) -> tuple[Any, ...]:
    return result["url"], result["state"], result["link"], result["reason"]


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
