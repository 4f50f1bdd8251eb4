"""Which route gives which answer, and why it might not."""

from http import HTTPStatus
from typing import Any

from service.events import MEDIA_TYPE as EVENTS_MEDIA_TYPE
from service.openapi.answers import (
    accepted,
    add_refusal,
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
from service.problem_catalog import CATALOG


def paths() -> dict[str, Any]:
    """All routes there are, whoever may use them."""
    job_id = {"type": "string", "format": "uuid"}
    job = {"name": "jobId", "in": "path", "required": True, "schema": job_id}
    unavailable = HTTPStatus.SERVICE_UNAVAILABLE
    readiness = {unavailable: content("Not now.", ref("Readiness"), "Retry-After")}
    document = {HTTPStatus.OK: content("This document.", {"type": "object"})}
    return {
        "/v1/images/upload": {
            "post": operation(
                "submitJob",
                "Send a job; it is taken whole, or not at all, and answered at once.",
                {HTTPStatus.ACCEPTED: accepted("The job is taken.", "UploadAccepted")},
                HTTPStatus.CONFLICT,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                HTTPStatus.UNPROCESSABLE_ENTITY,
                unavailable,
            )
            | {
                "description": "The body may be in gzip (`Content-Encoding: gzip`).",
                "parameters": [KEY, PREFER],
                "requestBody": {"required": True, "content": json_of(ref("UploadBody"))},
            },
        },
        "/v1/images/upload/{jobId}": {
            "parameters": [job],
            "get": operation(
                "showJob",
                "How a job stands.",
                shown("JobAnswer", "JobPage"),
                HTTPStatus.NOT_FOUND,
                unavailable,
            )
            | {"parameters": [*PAGE_PARAMETERS, TIMELINE, KNOWN_TAGS, PREFER]},
            "delete": operation(
                "cancelJob",
                "Cancel a job: what waits ends at once, what is in work by itself.",
                {HTTPStatus.ACCEPTED: accepted("It is cancelled.", "CancellationAccepted")},
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                unavailable,
            ),
        },
        "/v1/images/upload/{jobId}/retry": {
            "parameters": [job],
            "post": operation(
                "retryJob",
                "Send the failed URLs of a job once more, as a new job.",
                {HTTPStatus.ACCEPTED: accepted("The new job is taken.", "RetryAccepted")},
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                unavailable,
            ),
        },
        "/v1/jobs": {
            "get": operation("listJobs", "The jobs, newest first.", ok("JobList"), unavailable)
            | {"parameters": JOB_PARAMETERS},
        },
        "/v1/images/upload/{jobId}/images/{index}": {
            "parameters": [job, INDEX],
            "delete": operation(
                "deleteImage",
                "Delete an image that was uploaded; a worker does it, soon.",
                {HTTPStatus.ACCEPTED: content("It will be.", ref("DeletionAccepted"))},
                HTTPStatus.NOT_FOUND,
                HTTPStatus.CONFLICT,
                unavailable,
            ),
        },
        "/v1/images": {
            "get": operation(
                "listImages",
                "The links of all images uploaded.",
                shown("ImageLinks", "ImageLinksPage"),
                unavailable,
            )
            | {"parameters": [*PAGE_PARAMETERS, KNOWN_TAGS]},
        },
        "/openapi.json": {"get": operation("describe", "This document.", document)},
        "/healthz": {"get": operation("isAlive", "Whether the process answers.", ok("Liveness"))},
        "/readyz": {
            "get": operation(
                "isReady", "Whether jobs are taken and worked on.", ok("Readiness") | readiness
            ),
        },
    } | (_prospects(job) | _administration() | _pages())


def _prospects(job: dict[str, Any]) -> dict[str, Any]:
    path, unavailable = "/v1/images/upload/{jobId}", HTTPStatus.SERVICE_UNAVAILABLE
    events = {
        HTTPStatus.OK: content(
            "Server-sent events: `snapshot`, `change` and `end`, until the job is complete.",
            {"type": "string"},
            of=EVENTS_MEDIA_TYPE,
        ),
        HTTPStatus.NO_CONTENT: {"description": "There is nothing behind the `end` at hand."},
    }
    return {
        f"{path}/events": {
            "parameters": [job],
            "get": operation(
                "followJob",
                "What becomes of a job, as it happens.",
                events,
                HTTPStatus.NOT_FOUND,
                unavailable,
            )
            | {"parameters": [SNAPSHOT_LIMIT, LAST_EVENT_ID]},
        },
        f"{path}/forecast": {
            "parameters": [job],
            "get": operation(
                "forecastJob",
                "When a job may be complete.",
                ok("JobForecast"),
                HTTPStatus.NOT_FOUND,
                unavailable,
            ),
        },
        "/v1/limits": {
            "get": operation(
                "showLimits", "What Imgur still takes.", ok("UploadLimits"), unavailable
            )
        },
    }


def _administration() -> dict[str, Any]:
    unavailable = HTTPStatus.SERVICE_UNAVAILABLE
    return {
        "/v1/workers": {
            "get": operation(
                "showWorkers", "How many workers there are.", ok("Workers"), unavailable
            ),
            "put": operation(
                "scaleWorkers",
                "Have another number of workers, from now on.",
                {HTTPStatus.OK: content("They come, or leave when they are done.", ref("Workers"))},
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                unavailable,
            )
            | {
                "description": "Needs the key of ADMIN_KEY; an API key does not do.",
                "requestBody": {"required": True, "content": json_of(ref("WorkersBody"))},
            },
        },
    }


def _pages() -> dict[str, Any]:
    text, html = {"type": "string"}, "text/html"
    figures = {HTTPStatus.OK: content("Figures for Prometheus.", text, of="text/plain")}
    page = {HTTPStatus.OK: content("A page.", text, of=html)}
    explained = content("The explanation.", ref("ProblemExplanation"))
    explained["content"] |= json_of(text, html)
    index = content("The page to a browser, JSON to everybody else.", ref("Index"))
    index["content"] |= json_of(text, html)
    code = {"name": "code", "in": "path", "required": True, "schema": {"enum": sorted(CATALOG)}}
    explain = operation(
        "explainProblem", "What a problem's code means.", {HTTPStatus.OK: explained}
    )
    add_refusal(explain, HTTPStatus.NOT_FOUND)
    return {
        "/": {"get": operation("showIndex", "What there is.", {HTTPStatus.OK: index})},
        "/metrics": {"get": operation("showMetrics", "Counts and times.", figures)},
        "/docs": {"get": operation("showDocs", "This document, for people.", page)},
        "/problems/{code}": {"parameters": [code], "get": explain},
    }
