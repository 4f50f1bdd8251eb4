"""What Imgur still takes."""

import time

import falcon

from service.rendering.models import LimitLeft, UploadLimits
from service.rendering.rendered import iso_time, render
from workers import Backend, LimitState


class LimitsResource:
    """GET /v1/limits.

    Args:
        backend: hears of the limits from the workers.
        sandbox: whether they are the sandbox's.
    """

    def __init__(self, backend: Backend, *, sandbox: bool) -> None:
        self._backend = backend
        self._sandbox = sandbox

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Show the limits as Imgur's last answers told them."""
        queue_stats, now = self._backend.mailbox.queue_stats(), time.time()
        quota, rate = queue_stats.quota, queue_stats.rate_per_second
        shown: UploadLimits = {
            "credits": {
                "client": _shown(quota.client, now),
                "user": _shown(quota.user, now),
            },
            "posts": _shown(quota.posts, now),
            "pauseSeconds": round(queue_stats.pause_seconds, 3),
            "paused": queue_stats.pause_seconds > 0,
            "ratePerSecond": None if rate is None else round(rate, 3),
        }
        if self._sandbox:
            shown["sandbox"] = True
        resp.data = render(shown)

    on_head = on_get


def _shown(state: LimitState, now: float) -> LimitLeft:
    reset = state.reset_seconds
    return {
        "limit": state.limit,
        "remaining": state.remaining,
        "reset": None if reset is None else iso_time(now + reset),
    }
