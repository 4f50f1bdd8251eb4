"""The webhook's body for a complete job."""

import json
from datetime import UTC, datetime
from typing import Any

from workers.state.jobs.job import Job
from workers.state.jobs.job_changes import overview_of


def job_complete(job: Job) -> bytes:
    """Return the webhook's body, from constant data only, so that all attempts send the same.

    Small on purpose: results of a job of 100,000 URLs take 25 MB, and are at `links`.
    """
    finished, shown = _iso(job.finished or job.created), overview_of(job)
    event: dict[str, Any] = {
        "type": "job.complete",
        "timestamp": finished,
        "data": {
            "id": shown.job_id,
            "status": job.status.value,
            "created": _iso(job.created),
            "finished": finished,
            "counts": {
                name: getattr(shown, name) for name in ("pending", "complete", "failed", "total")
            },
            "links": {"status": f"/v1/images/upload/{shown.job_id}"},
        },
    }
    if job.is_cancelled:
        event["data"]["cancelled"] = True
    return json.dumps(event, separators=(",", ":")).encode()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
