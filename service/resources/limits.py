"""What Imgur still takes, and having uploads go on."""

import time
from dataclasses import dataclass

import falcon

from service.middleware.api_keys import AdminKey
from service.rendering.forecast_models import UploadLimits
from service.rendering.rendered import render
from service.views.quota_view import shown_limits
from workers import Backend


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
