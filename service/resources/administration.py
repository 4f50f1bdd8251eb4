"""What Imgur still takes, and the number of workers."""

import time
from dataclasses import dataclass
from typing import Any, Final

import falcon

from service.middleware.api_keys import AdminKey
from service.problems.problems import Problem
from service.rendering.forecast_models import UploadLimits
from service.rendering.models import Workers
from service.rendering.rendered import render
from service.requests.json_body import ExpectedBody, bad_field, kind_of, read_object
from service.views.forecast import shown_limits
from workers import Backend, BackendHealth, BackendLostError, BackendState


@dataclass(frozen=True, slots=True)
class LimitsResource:
    """GET /v1/limits."""

    backend: Backend
    sandbox: bool

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show the limits of Imgur's last responses."""
        resp.data = render(self.limits())

    def limits(self) -> UploadLimits:
        """As they stand now."""
        limits = shown_limits(self.backend.mailbox.queue_stats(), time.time())
        if self.sandbox:
            limits["sandbox"] = True
        return limits


@dataclass(frozen=True, slots=True)
class OpeningResource:
    """POST /v1/limits/open."""

    backend: Backend
    admin_key: AdminKey
    shown: LimitsResource

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Have uploads go on at once, though Imgur refused them; shows the limits after that."""
        self.admin_key.require(req)
        self.backend.mailbox.open_gate()
        resp.data = render(self.shown.limits())


_EXPECTED: Final = ExpectedBody(
    main_field="count",
    fields=frozenset({"count"}),
    example='{"count": 4}',
    if_too_long='Send no more than {"count": 4}.',
)
_LONGEST_BODY = 1024  # bytes, with white space
_DRAINING_RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class WorkersResource:
    """GET and PUT /v1/workers."""

    backend: Backend
    admin_key: AdminKey  # authorizes a change
    most: int  # maximum number of workers
    automatic: bool  # the number follows the queue

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        health = self._health()
        resp.data = render(self._shown(health, health.workers_wanted))

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Set the number of workers; responds before they have started or ended."""
        self.admin_key.require(req)
        count = self._count(read_object(req, _EXPECTED, max_body_bytes=_LONGEST_BODY))
        health = self._health()
        if health.state is BackendState.DRAINING:
            raise Problem(
                "draining",
                "The service is shutting down, and so are its workers.",
                retry_after=_DRAINING_RETRY_SECONDS,
            )
        self.backend.scale(count)
        resp.data = render(self._shown(health, count))

    def _health(self) -> BackendHealth:
        health = self.backend.health()
        if health.state is BackendState.LOST:
            raise BackendLostError("The job state is lost.")
        return health

    def _count(self, body: dict[str, Any]) -> int:
        wanted = f"a whole number from 1 to {self.most}"
        if "count" not in body:
            raise _bad_count(f"The field 'count' is missing: {wanted}.")
        count = body["count"]
        if type(count) is not int:
            shown = count if isinstance(count, float) else kind_of(count)
            raise _bad_count(f"The field 'count' is {shown}; it must be {wanted}.")
        if not 1 <= count <= self.most:
            why = " Raise WORKER_COUNT_MAX for more." if self.automatic and count > 0 else ""
            raise _bad_count(f"The field 'count' must be {wanted}.{why}")
        return count

    def _shown(self, health: BackendHealth, wanted: int) -> Workers:
        return {
            "wanted": wanted,
            "ready": health.stats.workers_ready,
            "leaving": health.stats.workers_draining,
            "most": self.most,
            "automatic": self.automatic,
        }


def _bad_count(detail: str) -> Problem:
    return bad_field("#/count", "invalid-worker-count", detail)
