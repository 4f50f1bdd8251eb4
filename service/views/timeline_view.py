"""The timeline of a URL as JSON, shown with `?timeline=1`."""

import falcon

from service.problems.problems import Problem
from service.rendering.rendered import iso_time, render
from workers import TimelineEvent, read_timeline


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
    """Render a list of `TimelineEntry`, by hand, as a page has up to 10,000 of them.

    Args:
        created: of the job, in seconds since the epoch.
        rows: see `read_timeline`.
    """
    entries = [b'{"event":"queued","at":"%b"}' % iso_time(created).encode()]
    entries += [
        b'{"event":"%b","at":"%b"%b}'
        % (event.event.encode(), iso_time(created + event.seconds).encode(), _details(event))
        for event in read_timeline(rows)
    ]
    return b"[" + b",".join(entries) + b"]"


def _details(event: TimelineEvent) -> bytes:
    match event.event:
        case "claimed":
            return b',"attempt":%d' % (event.attempt or 0)
        case "downloaded":
            media_type = (
                b"" if event.media_type is None else b',"type":%b' % render(event.media_type)
            )
            return b',"bytes":%d%b,"ms":%d' % (event.size or 0, media_type, event.milliseconds or 0)
        case "converted" | "uploaded":
            return b"" if event.milliseconds is None else b',"ms":%d' % event.milliseconds
        case _:
            return b"" if event.reason is None else b',"reason":%b' % render(event.reason)
