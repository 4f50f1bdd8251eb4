"""Requests that wait for a job's end before they are answered (`Prefer: wait=N`).

They hold no thread meanwhile: they are parked, and handled once more when the job is complete, or
the time is over.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import falcon
import structlog

from service.api_keys import tenant_of
from service.broadcaster import Broadcaster, CompletionWait
from service.parking import parking_of
from service.preferences import wanted_wait
from service.request_ids import HEADER as REQUEST_ID_HEADER
from service.request_ids import origin_of
from workers import JobChanges, JobStatus, Origin


@dataclass(frozen=True, slots=True)
class Waited:
    """A request that has waited.

    Attributes:
        job_id: for which job.
        seconds: how long at most.
        origin: what the request was called before.
        is_replay: whether it was one that had been answered before.
    """

    job_id: str
    seconds: int
    origin: Origin
    is_replay: bool


class Completions:
    """Lets requests wait, as many as the broadcaster takes; the others are answered at once.

    Args:
        broadcaster: knows when a job is complete.
        clock: monotonic seconds.
    """

    def __init__(
        self, broadcaster: Broadcaster, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._broadcaster = broadcaster
        self._clock = clock

    def is_wanted(self, req: falcon.Request) -> bool:
        """Whether the client is ready to wait, and has not done so yet."""
        return bool(wanted_wait(req)) and waited(req) is None

    def wait(
        self, req: falcon.Request, job: JobChanges, owner: str, *, is_replay: bool = False
    ) -> None:
        """Leave the handler until the job is complete, if that is possible, and of use.

        Args:
            req: the request, whose client is ready to wait.
            job: how the job stands.
            owner: whose it is.
            is_replay: see `Waited`.
        """
        seconds, parking = wanted_wait(req), parking_of(req.env)
        if parking is None or not seconds or req.method == "HEAD":
            return
        tenant = tenant_of(req)
        if job.status is JobStatus.COMPLETE or self._broadcaster.is_full(tenant):
            return
        until = self._clock() + seconds
        wait = CompletionWait(
            self._broadcaster, job.job_id, owner, job.latest, until, tenant=tenant
        )
        parking.wait(wait, wait.begin, Waited(job.job_id, seconds, origin_of(req), is_replay))


def waited(req: falcon.Request) -> Waited | None:
    """What is known of a request that has waited; None of every other."""
    parking = parking_of(req.env)
    return parking.kept if parking is not None and isinstance(parking.kept, Waited) else None


def say_applied(resp: falcon.Response, wait: Waited) -> None:
    """Tell the client that its preference was heard (RFC 7240, section 3), and go on under the name
    that the request had before.
    """
    resp.set_header("Preference-Applied", f"wait={wait.seconds}")
    resp.set_header(REQUEST_ID_HEADER, wait.origin.request_id)
    structlog.contextvars.bind_contextvars(**wait.origin.log_fields())
