"""The routes and their responses, for the OpenAPI document."""

import re
from typing import Any, Final

from service.events.server_sent import MEDIA_TYPE as EVENTS_MEDIA_TYPE
from service.openapi.parts import (
    JOB_PARAMETERS,
    KEY,
    KNOWN_TAGS,
    LAST_EVENT_ID,
    PAGE_PARAMETERS,
    PATH_PARAMETERS,
    PREFER,
    SNAPSHOT_LIMIT,
    TIMELINE,
    accepted,
    conditional,
    content,
    json_of,
    ok,
    operation,
    ref,
    shown,
)

_ADMIN_ONLY: Final = "Needs the key of ADMIN_KEY; an API key does not do."
_TEXT: Final = {"type": "string"}
_WAITED: Final = "Preference-Applied"


def paths() -> dict[str, dict[str, Any]]:
    """Return all operations, by path and method, with the parameters of each path."""
    found: dict[str, dict[str, Any]] = {}
    for route, described in _routes().items():
        method, path = route.split()
        names = re.findall(r"{(\w+)}", path)
        parameters = {"parameters": [PATH_PARAMETERS[name] for name in names]} if names else {}
        found.setdefault(path, parameters)[method.lower()] = described
    return found


def summaries() -> dict[str, str]:
    """Return the summary of each route but the index, as in ``GET /v1/images``."""
    return {route: one["summary"] for route, one in _routes().items() if route != "GET /"}


def _routes() -> dict[str, dict[str, Any]]:
    return _job_routes() | _image_routes() | _administration() | _pages()


def _job_routes() -> dict[str, dict[str, Any]]:
    job = "/v1/images/upload/{jobId}"
    events = {
        200: content(
            "Server-sent events: `snapshot`, `change` and `end`, until the job is complete.",
            _TEXT,
            of=EVENTS_MEDIA_TYPE,
        ),
        204: {"description": "There is nothing behind the `end` at hand."},
    }
    return {
        "POST /v1/images/upload": operation(
            "submitJob",
            "Send a job; it is taken whole, or not at all, and answered at once.",
            {202: accepted("The job is taken.", "UploadAccepted", "Idempotency-Replayed", _WAITED)},
            (409, 415, 422),
            description="The body may be in gzip (`Content-Encoding: gzip`).",
            parameters=[KEY, PREFER],
            requestBody={"required": True, "content": json_of(ref("UploadBody"))},
        ),
        f"GET {job}": operation(
            "showJob",
            "How a job stands.",
            shown("JobAnswer", "JobPage", "Retry-After", _WAITED),
            (404,),
            parameters=[*PAGE_PARAMETERS, TIMELINE, KNOWN_TAGS, PREFER],
        ),
        f"DELETE {job}": operation(
            "cancelJob",
            "Cancel a job: what waits ends at once, what is in work by itself.",
            {202: accepted("It is cancelled.", "CancellationAccepted")},
            (404, 409),
        ),
        f"POST {job}/retry": operation(
            "retryJob",
            "Send the failed URLs of a job once more, as a new job.",
            {202: accepted("The new job is taken.", "RetryAccepted")},
            (404, 409),
        ),
        f"GET {job}/events": operation(
            "followJob",
            "What becomes of a job, as it happens.",
            events,
            (404,),
            parameters=[SNAPSHOT_LIMIT, LAST_EVENT_ID],
        ),
        f"GET {job}/forecast": operation(
            "forecastJob", "When a job may be complete.", ok("JobForecast"), (404,)
        ),
        "GET /v1/jobs": operation(
            "listJobs", "The jobs, newest first.", ok("JobList"), parameters=JOB_PARAMETERS
        ),
    }


def _image_routes() -> dict[str, dict[str, Any]]:
    job = "/v1/images/upload/{jobId}"
    return {
        f"DELETE {job}/images/{{index}}": operation(
            "deleteImage",
            "Delete an image that was uploaded; a worker does it, soon.",
            {202: content("It will be.", ref("DeletionAccepted"))},
            (404, 409),
        ),
        f"DELETE {job}/album": operation(
            "deleteAlbum",
            "Delete the album that was created for a job, not its images; a worker does it, soon.",
            {202: content("It will be.", ref("AlbumDeletionAccepted"))},
            (404, 409),
        ),
        "GET /v1/images": operation(
            "listImages",
            "The links of all images uploaded.",
            shown("ImageLinks", "ImageLinksPage"),
            parameters=[*PAGE_PARAMETERS, KNOWN_TAGS],
        ),
        "GET /v1/limits": operation("showLimits", "What Imgur still takes.", ok("UploadLimits")),
    }


def _administration() -> dict[str, dict[str, Any]]:
    readiness = {503: content("Not now.", ref("Readiness"), "Retry-After")}
    return {
        "POST /v1/limits/open": operation(
            "openUploads",
            "Have uploads go on at once, though Imgur refused them; with the admin key.",
            {200: content("They go on; the limits as they stand.", ref("UploadLimits"))},
            description=_ADMIN_ONLY,
        ),
        "GET /v1/workers": operation("showWorkers", "How many workers there are.", ok("Workers")),
        "PUT /v1/workers": operation(
            "scaleWorkers",
            "Have another number of workers, from now on; with the admin key.",
            {200: content("They come, or leave when they are done.", ref("Workers"))},
            (415,),
            description=_ADMIN_ONLY,
            requestBody={"required": True, "content": json_of(ref("WorkersBody"))},
        ),
        "GET /healthz": operation("isAlive", "Whether the process answers.", ok("Liveness")),
        "GET /readyz": operation(
            "isReady", "Whether jobs are taken and worked on.", ok("Readiness") | readiness
        ),
    }


def _pages() -> dict[str, dict[str, Any]]:
    html = "text/html"
    document = conditional(content("The document.", {"type": "object"}))
    metrics = content("Metrics for Prometheus.", _TEXT, of="text/plain")
    metrics["content"] |= json_of(_TEXT, "application/openmetrics-text")
    page = conditional(content("A page.", _TEXT, of=html))
    explained = content("The explanation.", ref("ProblemExplanation"))
    explained["content"] |= json_of(_TEXT, html)
    index = content("The page to a browser, JSON to everybody else.", ref("Index"))
    index["content"] |= json_of(_TEXT, html)
    return {
        "GET /": operation("showIndex", "What there is.", {200: index}),
        "GET /metrics": operation(
            "showMetrics", "Counts and times, for Prometheus.", {200: metrics}
        ),
        "GET /openapi.json": operation(
            "describe", "The API as OpenAPI 3.1.", document, parameters=[KNOWN_TAGS]
        ),
        "GET /docs": operation(
            "showDocs", "The API for people, as a page.", page, parameters=[KNOWN_TAGS]
        ),
        "GET /problems/{code}": operation(
            "explainProblem",
            "What a problem's code means.",
            conditional(explained),
            (404,),
            parameters=[KNOWN_TAGS],
        ),
    }
