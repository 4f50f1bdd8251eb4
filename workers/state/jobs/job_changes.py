"""What readers, callbacks and the log get of a job."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, TypeVar

from workers.contract.messages.jobs import (
    CHANGES_A_CALL_BYTES,
    ChangesWanted,
    JobChanges,
    JobOverview,
)
from workers.contract.messages.supervision import LogLine
from workers.state.jobs.job import Job

_Value = TypeVar("_Value")


def overview_of(job: Job) -> JobOverview:
    """Return a job without its URLs."""
    return JobOverview(**_summary(job))


def changes_of(job: Job, wanted: ChangesWanted, held: tuple[str, str] | None) -> JobChanges:
    """Return what is new of a job; `held` is why all pending URLs wait."""
    all_urls, since, limit = job.asked.urls, wanted.since, wanted.limit
    known = len(all_urls) if wanted.known is None else wanted.known
    is_first = not job.log.knows(since)
    if is_first:
        since, known = job.log.version, 0
    urls = _fit_in_a_call(all_urls[known : known + limit])
    indexes: Sequence[int]
    if known < len(all_urls):
        # Changes made while a reader pages through the URLs are in the log after `since`, and
        # are read after them.
        indexes, version = range(known, known + len(urls)), since
    else:
        indexes, version = job.log.since(since, limit)
    return JobChanges(
        **_summary(job),
        text_bytes=job.text_bytes,
        is_first=is_first,
        known=known + len(urls),
        version=version,
        latest=job.log.version,
        urls=urls,
        indexes=indexes,
        named=tuple(map(all_urls.__getitem__, indexes)) if wanted.name_urls else (),
        states=bytes(map(job.states.__getitem__, indexes)),
        attempts=bytes(map(job.attempts.__getitem__, indexes)),
        links=_those_of(job.links, indexes),
        errors=_those_of(job.errors, indexes),
        details=_those_of(job.details, indexes),
        timelines=job.timelines.rows(indexes),
        earlier=_those_of(job.timelines.earlier, indexes),
        deliveries=job.deliveries,
        album=None if job.album is None else job.album.status(),
        held=held if job.pending else None,
    )


def job_complete(job: Job) -> bytes:
    """Return the webhook's body, from constant data only, so that all attempts send the same.

    Small on purpose: results of a job of 100,000 URLs take 25 MB, and are at `links`.
    """
    finished, shown = _iso(job.finished or job.created), overview_of(job)
    event: dict[str, Any] = {
        "type": "job.complete",
        "timestamp": finished,
        "data": {
            "id": shown.job_id,
            "status": job.status.value,
            "created": _iso(job.created),
            "finished": finished,
            "counts": {
                name: getattr(shown, name) for name in ("pending", "complete", "failed", "total")
            },
            "links": {"status": f"/v1/images/upload/{shown.job_id}"},
        },
    }
    if job.cancelled is not None:
        event["data"]["cancelled"] = True
    return json.dumps(event, separators=(",", ":")).encode()


def completion_line(job: Job, seconds: float) -> LogLine:
    """Return the line about the end of a job, which took so many seconds."""
    fields: dict[str, Any] = {
        "job_id": job.asked.job_id,
        "complete": len(job.links),
        "failed": len(job.asked.urls) - len(job.links),
        "seconds": round(seconds, 3),
        **job.asked.origin_fields,
    }
    if job.failure_log.unlogged:
        fields["failures_not_logged"] = dict(job.failure_log.unlogged)
    return LogLine("info", "job complete", fields, "worker")


def _summary(job: Job) -> dict[str, Any]:
    """Return the fields of `JobOverview`."""
    return {
        "job_id": job.asked.job_id,
        "created": job.created,
        "finished": job.finished,
        "status": job.status,
        "total": len(job.asked.urls),
        "complete": len(job.links),
        "failed": len(job.asked.urls) - job.pending - len(job.links),
        "cancelled": job.cancelled,
        "retry_of": job.asked.retry_of,
        "retried_as": job.retried_as,
    }


def _those_of(column: Mapping[int, _Value], indexes: Iterable[int]) -> dict[int, _Value]:
    return {index: column[index] for index in indexes if index in column} if column else {}


def _fit_in_a_call(urls: tuple[str, ...]) -> tuple[str, ...]:
    """The first URLs, as many as have `CHANGES_A_CALL_BYTES`, and one in any case."""
    return urls[: max(1, bisect_right(list(accumulate(map(len, urls))), CHANGES_A_CALL_BYTES))]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
