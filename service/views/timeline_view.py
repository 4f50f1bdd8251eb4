"""The timeline of a URL as JSON, shown with `?timeline=1`."""

import falcon

from service.problems.problems import Problem
from service.rendering.rendered import iso_time, render
from workers import read_timeline


def wants_timelines(req: falcon.Request) -> bool:
    """Return whether a request asks for timelines.

    Raises:
        Problem: 400, the parameter is invalid.
    """
    asked = req.params.get("timeline", "0")
    if asked not in ("0", "1"):
        raise Problem("invalid-timeline", "`timeline` must be 0 or 1, and only once.")
    return asked == "1"


def render_timeline(created: float, rows: bytes) -> bytes:
    """Render a list of `TimelineEntry`.

    Args:
        created: of the job, in seconds since the epoch.
        rows: see `read_timeline`.
    """
    entries: list[dict[str, object]] = [{"event": "queued", "at": iso_time(created)}]
    entries += [
        {"event": event, "at": iso_time(created + seconds), **details}
        for event, seconds, details in read_timeline(rows)
    ]
    return render(entries)
