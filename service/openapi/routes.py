"""The routes and their responses, for the OpenAPI document."""

from typing import Any

from service.events.server_sent import MEDIA_TYPE as EVENTS_MEDIA_TYPE
from service.openapi.answers import (
    accepted,
    content,
    json_of,
    ok,
    operation,
    ref,
    shown,
)
from service.openapi.parameters import (
    INDEX,
    JOB_PARAMETERS,
    KEY,
    KNOWN_TAGS,
    LAST_EVENT_ID,
    PAGE_PARAMETERS,
    PREFER,
    SNAPSHOT_LIMIT,
    TIMELINE,
)
from service.problems.catalog import CATALOG


def paths() -> dict[str, Any]:
    """Return all routes."""
    job_id = {"type": "string", "format": "uuid"}
    job = {"name": "jobId", "in": "path", "required": True, "schema": job_id}
    readiness = {503: content("Not now.", ref("Readiness"), "Retry-After")}
    document = {200: content("This document.", {"type": "object"})}
    return {
        "/v1/images/upload": {
            "post": operation(
                "submitJob",
                "Send a job; it is taken whole, or not at all, and answered at once.",
                {202: accepted("The job is taken.", "UploadAccepted")},
                (409, 415, 422, 503),
                description="The body may be in gzip (`Content-Encoding: gzip`).",
                parameters=[KEY, PREFER],
                requestBody={"required": True, "content": json_of(ref("UploadBody"))},
            ),
        },
        "/v1/images/upload/{jobId}": {
            "parameters": [job],
            "get": operation(
                "showJob",
                "How a job stands.",
                shown("JobAnswer", "JobPage"),
                (404, 503),
                parameters=[*PAGE_PARAMETERS, TIMELINE, KNOWN_TAGS, PREFER],
            ),
            "delete": operation(
                "cancelJob",
                "Cancel a job: what waits ends at once, what is in work by itself.",
                {202: accepted("It is cancelled.", "CancellationAccepted")},
                (404, 409, 503),
            ),
        },
        "/v1/images/upload/{jobId}/retry": {
            "parameters": [job],
            "post": operation(
                "retryJob",
                "Send the failed URLs of a job once more, as a new job.",
                {202: accepted("The new job is taken.", "RetryAccepted")},
                (404, 409, 503),
            ),
        },
        "/v1/jobs": {
            "get": operation(
                "listJobs",
                "The jobs, newest first.",
                ok("JobList"),
                (503,),
                parameters=JOB_PARAMETERS,
            ),
        },
        "/v1/images/upload/{jobId}/images/{index}": {
            "parameters": [job, INDEX],
            "delete": operation(
                "deleteImage",
                "Delete an image that was uploaded; a worker does it, soon.",
                {202: content("It will be.", ref("DeletionAccepted"))},
                (404, 409, 503),
            ),
        },
        "/v1/images/upload/{jobId}/album": {
            "parameters": [job],
            "delete": operation(
                "deleteAlbum",
                "Delete the album that was created for a job, not its images; a worker does it, "
                "soon.",
                {202: content("It will be.", ref("AlbumDeletionAccepted"))},
                (404, 409, 503),
            ),
        },
        "/v1/images": {
            "get": operation(
                "listImages",
                "The links of all images uploaded.",
                shown("ImageLinks", "ImageLinksPage"),
                (503,),
                parameters=[*PAGE_PARAMETERS, KNOWN_TAGS],
            ),
        },
        "/openapi.json": {"get": operation("describe", "This document.", document)},
        "/healthz": {"get": operation("isAlive", "Whether the process answers.", ok("Liveness"))},
        "/readyz": {
            "get": operation(
                "isReady", "Whether jobs are taken and worked on.", ok("Readiness") | readiness
            ),
        },
    } | (_forecast_answers(job) | _administration() | _pages())


def _forecast_answers(job: dict[str, Any]) -> dict[str, Any]:
    path = "/v1/images/upload/{jobId}"
    events = {
        200: content(
            "Server-sent events: `snapshot`, `change` and `end`, until the job is complete.",
            {"type": "string"},
            of=EVENTS_MEDIA_TYPE,
        ),
        204: {"description": "There is nothing behind the `end` at hand."},
    }
    return {
        f"{path}/events": {
            "parameters": [job],
            "get": operation(
                "followJob",
                "What becomes of a job, as it happens.",
                events,
                (404, 503),
                parameters=[SNAPSHOT_LIMIT, LAST_EVENT_ID],
            ),
        },
        f"{path}/forecast": {
            "parameters": [job],
            "get": operation(
                "forecastJob", "When a job may be complete.", ok("JobForecast"), (404, 503)
            ),
        },
        "/v1/limits": {
            "get": operation("showLimits", "What Imgur still takes.", ok("UploadLimits"), (503,))
        },
    }


_ADMIN_ONLY = "Needs the key of ADMIN_KEY; an API key does not do."


def _administration() -> dict[str, Any]:
    return {
        "/v1/limits/open": {
            "post": operation(
                "openUploads",
                "Have uploads go on at once, though Imgur refused them.",
                {200: content("They go on; the limits as they stand.", ref("UploadLimits"))},
                (503,),
                description=_ADMIN_ONLY,
            ),
        },
        "/v1/workers": {
            "get": operation("showWorkers", "How many workers there are.", ok("Workers"), (503,)),
            "put": operation(
                "scaleWorkers",
                "Have another number of workers, from now on.",
                {200: content("They come, or leave when they are done.", ref("Workers"))},
                (415, 503),
                description=_ADMIN_ONLY,
                requestBody={"required": True, "content": json_of(ref("WorkersBody"))},
            ),
        },
    }


def _pages() -> dict[str, Any]:
    text, html = {"type": "string"}, "text/html"
    figures = {200: content("Figures for Prometheus.", text, of="text/plain")}
    page = {200: content("A page.", text, of=html)}
    explained = content("The explanation.", ref("ProblemExplanation"))
    explained["content"] |= json_of(text, html)
    index = content("The page to a browser, JSON to everybody else.", ref("Index"))
    index["content"] |= json_of(text, html)
    code = {"name": "code", "in": "path", "required": True, "schema": {"enum": sorted(CATALOG)}}
    explain = operation("explainProblem", "What a problem's code means.", {200: explained}, (404,))
    return {
        "/": {"get": operation("showIndex", "What there is.", {200: index})},
        "/metrics": {"get": operation("showMetrics", "Counts and times.", figures)},
        "/docs": {"get": operation("showDocs", "This document, for people.", page)},
        "/problems/{code}": {"parameters": [code], "get": explain},
    }
