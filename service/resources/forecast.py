"""The forecast of a job's end."""

import falcon

from service.events.server_sent import is_complete
from service.middleware.api_keys import owner_of
from service.rendering.forecast_models import JobForecast
from service.rendering.rendered import counts_of, render
from service.requests.job_ids import canonical, look_at
from service.views.forecast import Forecasts
from workers import Backend


class ForecastResource:
    """GET /v1/images/upload/{job_id}/forecast.

    Args:
        backend: has the jobs.
        forecasts: makes the forecasts.
        sandbox: whether images go to the sandbox.
    """

    def __init__(self, backend: Backend, forecasts: Forecasts, *, sandbox: bool) -> None:
        self._backend = backend
        self._forecasts = forecasts
        self._sandbox = sandbox

    def on_get(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Send the forecast; a job of another owner does not exist."""
        job = look_at(self._backend, canonical(job_id), owner_of(req))
        shown = JobForecast(
            id=job.job_id,
            status=job.status.value,
            counts=counts_of(job),
            forecast=None if is_complete(job) else self._forecasts.of(job.job_id),
        )
        if self._sandbox:
            shown["sandbox"] = True
        resp.data = render(shown)

    on_head = on_get
