"""Every code that a problem of this service can have, explained once.

`docs/problems.md` is the same table for people without a service at hand; the codes never change
their meaning.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final


@dataclass(frozen=True, slots=True)
class Explanation:
    """One kind of problem.

    Attributes:
        code: the last part of a problem's `type`, and its `code`.
        status: the HTTP status that comes with it.
        when: what has happened.
        remedy: what whoever sent the request can do.
    """

    code: str
    status: HTTPStatus
    when: str
    remedy: str


_AGAIN = "Send it again after the seconds that Retry-After says."

_EXPLANATIONS: Final = (
    Explanation(
        "bad-request",
        HTTPStatus.BAD_REQUEST,
        "The request is not valid HTTP.",
        "Look at what the client sends; no URL or body can mend it.",
    ),
    Explanation(
        "invalid-json",
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON.",
        "`line` and `column` say where it stops being JSON.",
    ),
    Explanation(
        "invalid-utf8",
        HTTPStatus.BAD_REQUEST,
        "The body is not UTF-8.",
        "Encode the body as UTF-8, without a byte order mark.",
    ),
    Explanation(
        "not-an-object",
        HTTPStatus.BAD_REQUEST,
        "The body is JSON, and not an object.",
        'Send `{"urls": ["https://…"]}`.',
    ),
    Explanation(
        "urls-missing",
        HTTPStatus.BAD_REQUEST,
        "The body has no field `urls`.",
        "Add `urls`, an array of image URLs.",
    ),
    Explanation(
        "urls-not-an-array",
        HTTPStatus.BAD_REQUEST,
        "The field `urls` is not an array.",
        "Send an array, even for one URL.",
    ),
    Explanation(
        "urls-empty",
        HTTPStatus.BAD_REQUEST,
        "The array `urls` is empty.",
        "Name at least one image URL.",
    ),
    Explanation(
        "unknown-field",
        HTTPStatus.BAD_REQUEST,
        "The body has a field that this service does not know.",
        "Remove or rename it; `detail` says which.",
    ),
    Explanation(
        "repeated-field",
        HTTPStatus.BAD_REQUEST,
        "The body has a field, or the name of a header or origin, more than once in one object.",
        "`errors` points at each; send it once.",
    ),
    Explanation(
        "invalid-gzip",
        HTTPStatus.BAD_REQUEST,
        "The body is declared as gzip, and is not one whole gzip member.",
        "Compress the body anew, or send it as it is without `Content-Encoding`.",
    ),
    Explanation(
        "too-many-urls",
        HTTPStatus.BAD_REQUEST,
        "The job has more URLs than MAX_URLS_PER_JOB.",
        "Send the URLs in several jobs.",
    ),
    Explanation(
        "invalid-urls",
        HTTPStatus.BAD_REQUEST,
        "Some entries of `urls` cannot be used, so nothing was taken.",
        "`errors` names each by its index; mend or remove them and send the rest again.",
    ),
    Explanation(
        "invalid-options",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "What the job asks for beside its URLs cannot be done, so nothing was taken.",
        "`errors` names all that is wrong, each by its place; mend or remove it and send the job "
        "again.",
    ),
    Explanation(
        "invalid-page",
        HTTPStatus.BAD_REQUEST,
        "`limit` or `cursor` is not one whole number of those allowed.",
        "`detail` says which are; `cursor` is what `next` said on the page before.",
    ),
    Explanation(
        "invalid-timeline",
        HTTPStatus.BAD_REQUEST,
        "`timeline` is neither 0 nor 1.",
        "Ask for timelines with `?timeline=1`.",
    ),
    Explanation(
        "invalid-idempotency-key",
        HTTPStatus.BAD_REQUEST,
        "The Idempotency-Key is empty, too long, or has characters that it must not have.",
        "Use 1 to 255 visible ASCII characters, such as a UUID.",
    ),
    Explanation(
        "invalid-worker-count",
        HTTPStatus.BAD_REQUEST,
        "`count` is missing, or not one of the numbers of workers that there may be.",
        "`detail` says which are; WORKER_COUNT_MAX bounds them.",
    ),
    Explanation(
        "unauthorized",
        HTTPStatus.UNAUTHORIZED,
        "The request needs a key, and shows none that is valid here.",
        "Send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
    ),
    Explanation(
        "admin-key-not-set",
        HTTPStatus.FORBIDDEN,
        "The service has no admin key, so that nobody may change it while it runs.",
        "The operator sets ADMIN_KEY, or ADMIN_KEY_FILE, and starts it again.",
    ),
    Explanation(
        "admin-key-needed",
        HTTPStatus.FORBIDDEN,
        "The request shows an API key, and needs the admin key.",
        "Send the key of ADMIN_KEY in its place.",
    ),
    Explanation(
        "host-not-allowed",
        HTTPStatus.FORBIDDEN,
        "A browser asked for the service by a name that is not known to be its own.",
        "The operator adds the name to ALLOWED_HOSTS; an IP address and localhost need nothing.",
    ),
    Explanation(
        "origin-not-allowed",
        HTTPStatus.FORBIDDEN,
        "A browser asked on behalf of a page of another origin.",
        "The operator adds the page's origin to CORS_ORIGINS; a proxy in front must pass the Host "
        "header on.",
    ),
    Explanation(
        "not-found",
        HTTPStatus.NOT_FOUND,
        "There is nothing at this path.",
        "Look at `/docs`, or at what `GET /` lists.",
    ),
    Explanation(
        "job-not-found",
        HTTPStatus.NOT_FOUND,
        "There is no job with this id, or it belongs to another API key.",
        "Look at the id; a job is gone after a restart without a journal, or JOB_TTL_SECONDS "
        "after its end.",
    ),
    Explanation(
        "image-not-found",
        HTTPStatus.NOT_FOUND,
        "The job has no image with this index.",
        "Count the entries of `results` from 0.",
    ),
    Explanation(
        "method-not-allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This path does not take this method.",
        "Use one of those that the Allow header names.",
    ),
    Explanation(
        "request-timeout",
        HTTPStatus.REQUEST_TIMEOUT,
        "The request did not arrive whole in time.",
        "Send it again, without pauses.",
    ),
    Explanation(
        "image-not-complete",
        HTTPStatus.CONFLICT,
        "The image to delete was not uploaded, or is not yet.",
        "Wait until its state is complete; there is nothing to delete of one that failed.",
    ),
    Explanation(
        "image-not-deletable",
        HTTPStatus.CONFLICT,
        "Imgur gave nothing to delete the image with, or it came with another URL of yours.",
        "Delete it with the URL whose result has the same link and no `deduplicated`.",
    ),
    Explanation(
        "image-already-deleted",
        HTTPStatus.CONFLICT,
        "The image is deleted, or about to be.",
        "Nothing; `deleted` in its result says which.",
    ),
    Explanation(
        "job-complete",
        HTTPStatus.CONFLICT,
        "The job that is to be cancelled is complete.",
        "Nothing; look at its results.",
    ),
    Explanation(
        "job-unfinished",
        HTTPStatus.CONFLICT,
        "The job that is to be retried is not complete.",
        "Wait for its end, or cancel it first.",
    ),
    Explanation(
        "nothing-to-retry",
        HTTPStatus.CONFLICT,
        "No URL of the job has failed.",
        "Nothing.",
    ),
    Explanation(
        "request-under-way",
        HTTPStatus.CONFLICT,
        "The same request, by its Idempotency-Key or its job, is under way.",
        _AGAIN,
    ),
    Explanation(
        "body-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is longer than MAX_BODY_BYTES, as sent or unpacked.",
        "Send the URLs in several jobs.",
    ),
    Explanation(
        "job-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The job takes more memory than the service keeps for one; see MAX_STATE_BYTES.",
        "Send the URLs in several jobs.",
    ),
    Explanation(
        "unsupported-media-type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not declared as JSON in UTF-8.",
        "Send `Content-Type: application/json`.",
    ),
    Explanation(
        "unsupported-content-coding",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body has a Content-Encoding other than gzip.",
        "Send the body in gzip, or as it is without `Content-Encoding`.",
    ),
    Explanation(
        "webhooks-not-configured",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The job has a `callbackUrl`, and the service no secret to sign with.",
        "Leave `callbackUrl` out; the operator may set WEBHOOK_SECRET.",
    ),
    Explanation(
        "idempotency-key-reused",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The Idempotency-Key came with another body before.",
        "Use a new key for a new job.",
    ),
    Explanation(
        "rate-limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "This client has asked more often than RATE_LIMIT lets it.",
        _AGAIN,
    ),
    Explanation(
        "header-too-large",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The header of the request is longer than 32 KiB.",
        "Send fewer or shorter header fields, or a shorter path.",
    ),
    Explanation(
        "internal-error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "A bug of the service; its log says more.",
        "Send it again; tell the operator the X-Request-ID of the answer if it stays.",
    ),
    Explanation(
        "not-implemented",
        HTTPStatus.NOT_IMPLEMENTED,
        "The request has a Transfer-Encoding other than chunked.",
        "Send the body with a Content-Length, or in chunks.",
    ),
    Explanation(
        "queue-full",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The job would take the queue beyond MAX_QUEUED_URLS, or its sender beyond what is left "
        "for others; nothing of it was kept.",
        _AGAIN,
    ),
    Explanation(
        "state-full",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The job would take the memory for jobs beyond MAX_STATE_BYTES, or its sender beyond what "
        "is left for others; nothing of it was kept.",
        _AGAIN,
    ),
    Explanation(
        "journal-full",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The journal cannot be written, the disk full for one; nothing of the job was kept.",
        _AGAIN,
    ),
    Explanation(
        "draining",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service is shutting down and takes no new jobs.",
        _AGAIN,
    ),
    Explanation(
        "too-many-large-answers",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "As many large answers are under way as there is memory for, or as is left for others; "
        "whoever holds most of it loses one.",
        "Ask for a page (`?limit=1000`), or later.",
    ),
    Explanation(
        "too-many-connections",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "As many requests are under way as this service keeps connections for, 1,000, or half as "
        "many of this client. Only health is answered.",
        _AGAIN,
    ),
    Explanation(
        "too-many-bodies",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "64 MiB of bodies are under way, or half of that from this client.",
        "Send the request again after the seconds that Retry-After says, fewer at once.",
    ),
    Explanation(
        "too-many-watchers",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Of the 500 places for clients that follow jobs by events, this one has its share.",
        "Ask for the status from time to time, or come again later.",
    ),
    Explanation(
        "state-silent",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The job state does not answer at the moment; nothing of the request was kept.",
        _AGAIN,
    ),
    Explanation(
        "state-lost",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The job state is gone and the service is starting afresh.",
        "Send the jobs that were not complete again, unless the service keeps a journal.",
    ),
)

CATALOG: Final = {entry.code: entry for entry in _EXPLANATIONS}
"""By code."""
