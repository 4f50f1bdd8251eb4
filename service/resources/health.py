"""Liveness, readiness, and metrics."""

import time
from dataclasses import dataclass
from http import HTTPStatus

import falcon
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from service.backend.circuit_breaker import BackendSilentError
from service.rendering.forecast_models import Liveness, Readiness
from service.rendering.rendered import render
from service.views.forecast import shown_block
from workers import Backend, BackendHealth, BackendState

_RETRY_SECONDS = 5

_SILENT = "The job state does not answer."
_SENTENCES = {
    BackendState.STARTING: "The workers are starting.",
    BackendState.READY: "Jobs are taken and worked on.",
    BackendState.DRAINING: "The service is shutting down and takes no new jobs.",
    BackendState.LOST: "The process with the job state is lost; the service is about to exit.",
}


class LivenessResource:
    """GET /healthz. Makes no calls, so that it is cheap and depends on this process only."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        alive: Liveness = {"status": "ok"}
        resp.data = render(alive)


@dataclass(frozen=True, slots=True)
class ReadinessResource:
    """GET /readyz."""

    backend: Backend
    sandbox: bool

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Respond with 200 if jobs are accepted and processed, else with 503."""
        try:
            readiness = self._readiness(self.backend.health())
        except BackendSilentError:
            wanted = self.backend.workers_wanted()
            readiness = self._readiness(BackendHealth(BackendState.LOST, wanted))
            readiness["state"], readiness["detail"] = "silent", _SILENT
        if not readiness["ready"]:
            resp.status = HTTPStatus.SERVICE_UNAVAILABLE
            resp.set_header("Retry-After", str(_RETRY_SECONDS))
        resp.data = render(readiness)

    def _readiness(self, health: BackendHealth) -> Readiness:
        return {
            "ready": health.state is BackendState.READY,
            "state": health.state.value,
            "detail": self._describe(health),
            "imgur": "sandbox" if self.sandbox else "imgur",
            "workers_ready": health.stats.workers_ready,
            "workers_wanted": health.workers_wanted,
            "queued_urls": health.stats.queued,
            "leased_urls": health.stats.leased,
            "pause_seconds": round(health.stats.pause_seconds, 1),
            "blocked": shown_block(health.stats.block, time.time()),
        }

    def _describe(self, health: BackendHealth) -> str:
        sentences = [_SENTENCES[health.state]]
        if health.stats.journal_error is not None and health.state is BackendState.READY:
            why = health.stats.journal_error
            sentences = [f"New jobs are refused, as the journal could not be written: {why}."]
        pause, block = health.stats.pause_seconds, health.stats.block
        if pause > 0:
            sentences.append(f"Uploads pause for another {pause:.0f} s, as Imgur asked.")
        elif block is None and health.stats.waiting:
            sentences.append(health.stats.waiting)
        if block is not None:
            wait = block.next_probe_seconds
            sentences.append(
                f"Uploads have stopped, as Imgur takes none; one image is tried in {wait:.0f} s. "
                f"{block.message}"
            )
        if self.sandbox:
            sentences.append("Images go to the sandbox, not to the real Imgur.")
        return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class MetricsResource:
    """GET /metrics, as text or OpenMetrics, by content negotiation."""

    registry: CollectorRegistry

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Collect and send the metrics."""
        try:
            encode, resp.content_type = choose_encoder(req.accept)
        except TypeError:  # from a version that is no number, or is quoted
            encode, resp.content_type = choose_encoder("")
        resp.data = encode(self.registry)
