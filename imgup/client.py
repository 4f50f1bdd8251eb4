"""The client for programs."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeVar
from urllib.parse import quote

import requests

from imgup.answers import json_of, read
from imgup.connection import Connection, Delay
from imgup.errors import NotImgupError
from imgup.follow import follow
from imgup.models import (
    DeletionAccepted,
    JobAccepted,
    JobCancelled,
    JobPage,
    JobStatus,
    JobSummary,
    Limits,
    LinkPage,
    Progress,
    Readiness,
    Result,
)
from imgup.service_url import DEFAULT_URL

PAGE_SIZE: Final = 1000
"""Entries in each request for a list that comes in pages."""

_JOBS = "/v1/images/upload"

_Page = TypeVar("_Page", JobStatus, JobPage, LinkPage)


class Client:
    """A client of one service. Not thread-safe; close it, or use it in a `with`.

    Every method may raise `UnreachableError`, `NotImgupError`, or a kind of `ProblemError`. A
    request that is refused with a Retry-After of up to a minute is sent again. One without a
    response is sent again only if a repetition does no harm.

    Args:
        url: the service's address; a path in it is kept.
        api_key: the key, if the service requires one.
        timeout: maximum seconds for a connection, and between two parts of a response.
        retries: maximum number of repetitions of a request.
        on_delay: called before each wait for a repetition.

    Raises:
        ValueError: the address or the key is not valid.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        api_key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 4,
        on_delay: Callable[[Delay], None] = lambda _delay: None,
    ) -> None:
        self._connection = Connection(
            url, api_key, timeout=timeout, retries=retries, on_delay=on_delay
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.session.close()

    @property
    def url(self) -> str:
        """The service's address."""
        return self._connection.url

    @property
    def sandbox(self) -> bool:
        """True once a response has shown that images go to the sandbox, not to Imgur."""
        return self._connection.sandbox

    # --- jobs -------------------------------------------------------------------------------

    def submit(
        self,
        urls: Iterable[str],
        *,
        album: str | Mapping[str, str] | None = None,
        title: str | None = None,
        description: str | None = None,
        priority: str | None = None,
        callback_url: str | None = None,
        source_headers: Mapping[str, Mapping[str, str]] | None = None,
        resolve_pages: bool | None = None,
        convert: bool | None = None,
        idempotency_key: str | None = None,
    ) -> "Job":
        """Submit a job.

        Args:
            urls: of the images; the service drops duplicates. A data URL is an image itself, and
                has a short form in responses.
            album: id of an existing album at Imgur; or `title`, `description`, `privacy` and
                `layout` of a new one.
            title: of each image; `{number}`, `{count}`, `{name}` and `{host}` are filled in.
            description: like the title.
            priority: `low`, `normal` or `high`.
            callback_url: target of the webhook at the job's end.
            source_headers: headers for requests to sources, by origin.
            resolve_pages: follow a link to a page to the image that the page names; None: as the
                service is set.
            convert: convert images that Imgur would refuse; None: as the service is set.
            idempotency_key: identifies this submission, so that a repetition makes no second job;
                None: a new random one.

        Raises:
            InvalidUrlsError: some entries are not valid; nothing was taken.
            TypeError: one text in place of a list.
            ValueError: the idempotency key is not valid.
        """
        if isinstance(urls, str):  # each of its characters would be a URL
            raise TypeError("urls must be a list of URLs, not one text")
        key = idempotency_key or str(uuid.uuid4())
        if not all("!" <= char <= "~" for char in key):  # has no place in a header
            raise ValueError("The idempotency key must be of visible ASCII characters.")
        body = {
            "urls": list(urls),
            "album": album,
            "title": title,
            "description": description,
            "priority": priority,
            "callbackUrl": callback_url,
            "sourceHeaders": source_headers,
            "resolvePages": resolve_pages,
            "convert": convert,
        }
        answer = self._connection.call(
            "POST",
            _JOBS,
            json={name: value for name, value in body.items() if value is not None},
            headers={"Idempotency-Key": key},
            is_repeatable=True,
        )
        return self.job(read(JobAccepted, json_of(answer)).job_id)

    def job(self, job_id: str) -> "Job":
        """Return a handle for a job; makes no request."""
        return Job(self, job_id)

    def status(
        self, job_id: str, *, limit: int | None = None, cursor: int | None = None
    ) -> JobStatus:
        """Return the state of a job, with all results or a page of at most `limit` of them.

        The cursor is `next` of the page before.

        Raises:
            NotFoundError: there is no such job.
        """
        return self._page(JobStatus, _path(job_id), limit=limit, cursor=cursor)

    def results(self, job_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[Result]:
        """Yield all results of a job in the order of submission, with a request for each page.

        Raises:
            NotFoundError: there is no such job.
        """
        for page in self._pages(JobStatus, _path(job_id), page_size):
            yield from page.results

    def wait(self, job_id: str) -> Iterator[Progress]:
        """Follow a job to its end.

        Yields:
            The progress, at first and after each change; the last one is complete. It is repeated
            every few seconds without a change, so that a caller can stop.

        Raises:
            NotFoundError: there is no such job, or no longer.
            UnreachableError: no response from the service for half a minute.
        """
        return follow(self._connection, _path(job_id))

    def cancel(self, job_id: str) -> int:
        """Cancel the URLs of a job that no worker has taken; return their number.

        Raises:
            ConflictError: the job is complete.
        """
        answer = self._connection.call("DELETE", _path(job_id))
        return read(JobCancelled, json_of(answer)).cancelled

    def retry(self, job_id: str) -> "Job":
        """Submit the failed URLs of a complete job as a new job.

        Raises:
            ConflictError: no URL failed, or the job is not complete.
        """
        answer = self._connection.call("POST", _path(job_id) + "/retry")
        return self.job(read(JobAccepted, json_of(answer)).job_id)

    def delete_image(self, job_id: str, index: int) -> None:
        """Request the deletion of an uploaded image at Imgur, by the `index` of its result.

        `deleted` of the result becomes the state of the deletion.

        Raises:
            NotFoundError: there is no such image.
            ConflictError: it is not uploaded.
        """
        self._delete(f"{_path(job_id)}/images/{index}")

    def delete_album(self, job_id: str) -> None:
        """Request the deletion of the album that was created for a job; its images stay.

        Raises:
            NotFoundError: none was created.
            ConflictError: the job is not complete, or the album is deleted already.
        """
        self._delete(f"{_path(job_id)}/album")

    def _delete(self, path: str) -> None:
        # The response is read, as any server may send a 200.
        read(DeletionAccepted, json_of(self._connection.call("DELETE", path)))

    def jobs(
        self, *, status: str | None = None, page_size: int = PAGE_SIZE
    ) -> Iterator[JobSummary]:
        """Yield all jobs, or those of a status, newest first; `page_size` is at most 1000."""
        for page in self._pages(JobPage, "/v1/jobs", page_size, status=status):
            yield from page.jobs

    # --- images and the service itself ------------------------------------------------------

    def links(self, *, page_size: int = PAGE_SIZE) -> Iterator[str]:
        """Yield the links of all images, in order of completion."""
        for page in self._pages(LinkPage, "/v1/images", page_size):
            yield from page.uploaded

    def limits(self) -> Limits:
        """Return Imgur's limits, as the service last received them."""
        return read(Limits, json_of(self._connection.call("GET", "/v1/limits")))

    def ready(self) -> Readiness:
        """Return whether the service takes and processes jobs; it is no error if not."""
        answer = self._connection.call("GET", "/readyz", accepts=_is_readiness)
        return read(Readiness, json_of(answer))

    def _pages(
        self, shape: type[_Page], path: str, size: int, *, status: str | None = None
    ) -> Iterator[_Page]:
        cursor: int | None = None
        while True:
            page = self._page(shape, path, limit=size, cursor=cursor, status=status)
            yield page
            if page.next is None:
                return
            cursor = page.next

    def _page(
        self, shape: type[_Page], path: str, *, cursor: int | None, **params: str | int | None
    ) -> _Page:
        answer = self._connection.call("GET", path, params=params | {"cursor": cursor})
        return read(shape, json_of(answer), cursor or 0)


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a service; the methods are those of `Client` for its id."""

    client: Client
    id: str

    def status(self) -> JobStatus:
        return self.client.status(self.id)

    def results(self, *, page_size: int = PAGE_SIZE) -> Iterator[Result]:
        return self.client.results(self.id, page_size=page_size)

    def wait(self) -> Iterator[Progress]:
        return self.client.wait(self.id)

    def cancel(self) -> int:
        return self.client.cancel(self.id)

    def retry(self) -> "Job":
        return self.client.retry(self.id)

    def delete_image(self, index: int) -> None:
        self.client.delete_image(self.id, index)

    def delete_album(self) -> None:
        self.client.delete_album(self.id)


def _is_readiness(answer: requests.Response) -> bool:
    if answer.ok:
        return True
    # A 503 may be one of a gateway as well, or a refusal of this request alone.
    try:
        body = json_of(answer)
    except NotImgupError:
        return False
    return isinstance(body, dict) and "ready" in body


def _path(job_id: str) -> str:
    return f"{_JOBS}/{quote(job_id, safe='', errors='replace')}"
