"""The forecast of a job's end."""

from dataclasses import dataclass

import falcon

from service.events.server_sent import is_complete
from service.middleware.api_keys import owner_of
from service.rendering.forecast_models import JobForecast
from service.rendering.rendered import counts_of, render
from service.requests.job_ids import canonical, look_at
from service.views.forecast import Forecasts
from workers import Backend


@dataclass(frozen=True, slots=True)
class ForecastResource:
    """GET /v1/images/upload/{job_id}/forecast."""

    backend: Backend
    forecasts: Forecasts
    sandbox: bool

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Send the forecast; a job of another owner does not exist."""
        job = look_at(self.backend, canonical(job_id), owner_of(req))
        shown = JobForecast(
            id=job.job_id,
            status=job.status.value,
            counts=counts_of(job),
            forecast=None if is_complete(job) else self.forecasts.of(job.job_id),
        )
        if self.sandbox:
            shown["sandbox"] = True
        resp.data = render(shown)
