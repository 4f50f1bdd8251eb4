"""Requests that wait for the end of a job before their response (`Prefer: wait=N`).

Each holds a thread, and the server starts another one instead; so their number is small.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import falcon

from service.backend.circuit_breaker import BackendSilentError
from service.events.broadcaster import Broadcaster
from service.events.server_sent import is_complete
from service.http.dispatchers import NoThreadError
from service.http.suspended import suspended_request_of
from service.middleware.api_keys import owner_of, tenant_of
from service.requests.headers import wanted_wait
from service.requests.job_ids import canonical
from service.requests.paging import read_page, wants_timelines
from workers import Backend, BackendLostError, ChangesWanted, Shares, share_left

MAX_WAITING: Final = 32
"""All of them may end at the same moment, and then compete for the interpreter lock with all other
requests."""


@dataclass(frozen=True, slots=True)
class WaitMiddleware:
    """Makes requests wait, up to a maximum number; others get their responses at once."""

    backend: Backend
    broadcaster: Broadcaster  # reports when a job is complete
    submission: type  # of the resource that accepts jobs
    status: type  # of the resource that shows a job
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _held: Shares = field(default_factory=Shares, init=False)

    def process_resource(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,
        params: Mapping[str, str],
    ) -> None:
        """Wait before the handler of a status, which then sends the job's state."""
        if isinstance(resource, self.status) and req.method == "GET":
            # Errors of the query are reported at once.
            wants_timelines(req)
            read_page(req)
            self._wait(req, resp, canonical(params["job_id"]))

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,
        req_succeeded: bool,  # noqa: FBT001 - the framework's signature
    ) -> None:
        """Delay the response to a new job; it stays the same."""
        if isinstance(resource, self.submission) and req_succeeded and req.method == "POST":
            # The job is accepted: after an error the client would send it again.
            with suppress(BackendSilentError, BackendLostError):
                self._wait(req, resp, str(resp.location).rpartition("/")[2])

    def _wait(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        seconds, suspended = wanted_wait(req), suspended_request_of(req.env)
        if not seconds or suspended is None:
            return
        owner, tenant = owner_of(req), tenant_of(req)
        job = self.backend.job_table.changes(ChangesWanted(job_id, owner=owner, limit=0))
        if job is None or is_complete(job):
            return
        with self._slot(tenant) as has_slot:
            if not has_slot:
                return
            began = time.perf_counter()
            waiter = _Waiter(job.latest, tenant)
            try:
                with suspended.wait(waiter):
                    self.broadcaster.join(job_id, owner, waiter)
                    waiter.wait(seconds)
                    waiter.set()  # so that it is a subscriber no longer
            except NoThreadError:
                return
            # Metrics and access log do not count the wait that the client asked for.
            req.context.began += time.perf_counter() - began
        resp.set_header("Preference-Applied", f"wait={seconds}")  # RFC 7240, section 3

    @contextmanager
    def _slot(self, tenant: str) -> Iterator[bool]:
        with self._lock:
            held = self._held
            has_slot = bool(share_left(MAX_WAITING, held.total, held.of(tenant)))
            has_slot = has_slot and not self.broadcaster.is_full(tenant)
            held.add(tenant, int(has_slot))
        try:
            yield has_slot
        finally:
            with self._lock:
                held.add(tenant, -int(has_slot))


class _Waiter(threading.Event):
    """A request that waits until it is set; a `SuspensionListener` and a `Subscriber`."""

    most_results = 1
    is_over = threading.Event.is_set
    left = drain = finish = threading.Event.set

    def __init__(self, version: int, tenant: str) -> None:
        super().__init__()
        self.version = version  # any; 0 would need a snapshot
        self.tenant = tenant

    def send(self, _events: bytes) -> bool:
        return not self.is_set()
