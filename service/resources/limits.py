"""What Imgur still takes, and having uploads go on."""

import time

import falcon

from service.middleware.api_keys import AdminKey
from service.rendering.forecast_models import UploadLimits
from service.rendering.rendered import render
from service.views.quota_view import shown_limits
from workers import Backend


class LimitsResource:
    """GET /v1/limits.

    Args:
        backend: has the quota.
        sandbox: whether it is the sandbox's.
    """

    def __init__(self, backend: Backend, *, sandbox: bool) -> None:
        self._backend = backend
        self._sandbox = sandbox

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show the limits as Imgur's last answers told them."""
        resp.data = render(self.limits())

    on_head = on_get

    def limits(self) -> UploadLimits:
        """As they stand now."""
        limits = shown_limits(self._backend.mailbox.queue_stats(), time.time())
        if self._sandbox:
            limits["sandbox"] = True
        return limits


class OpeningResource:
    """POST /v1/limits/open.

    Args:
        backend: whose uploads have stopped.
        admin_key: who may have them go on.
        shown: shows the limits.
    """

    def __init__(self, backend: Backend, admin_key: AdminKey, shown: LimitsResource) -> None:
        self._backend = backend
        self._admin_key = admin_key
        self._shown = shown

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Have uploads go on at once, though Imgur refused them; shows the limits after that."""
        self._admin_key.require(req)
        self._backend.mailbox.open_gate()
        resp.data = render(self._shown.limits())
