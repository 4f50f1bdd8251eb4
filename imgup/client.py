"""The service from a program's side."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self, TypeVar
from urllib.parse import quote

from imgup.answers import json_of
from imgup.connection import Connection, Delay
from imgup.follow import follow
from imgup.models import (
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
    read,
)
from imgup.service_url import DEFAULT_URL

PAGE_SIZE: Final = 1000
"""Entries that are asked for at once, where a list comes in pages."""

_JOBS = "/v1/images/upload"

_Page = TypeVar("_Page", JobStatus, JobPage, LinkPage)


class Client:
    """A client of one service. For one thread at a time; close it, or use it in a `with`.

    Every method may raise `UnreachableError`, `NotImgupError`, or `ProblemError` (see
    `imgup.errors` for its kinds). A request that is refused for the moment, with a Retry-After of
    at most a minute, is sent again; one whose answer was lost only where a second one does no harm.

    Args:
        url: the service's address; a path in it is kept.
        api_key: the key, where the service wants one.
        timeout: seconds to wait for a connection, and for each part of an answer.
        retries: how often a request is sent again.
        on_delay: called before each such wait.

    Raises:
        ValueError: the address or the key cannot be one.
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
        """Close what is open to the service."""
        self._connection.session.close()

    @property
    def url(self) -> str:
        """The service's address."""
        return self._connection.url

    @property
    def sandbox(self) -> bool:
        """Whether the service has said that images go to its sandbox, not to Imgur."""
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
        """Send a job.

        Args:
            urls: of the images; duplicates are dropped by the service. A data URL is an image
                itself, and is shown shortened from then on.
            album: at Imgur, that the images go to: its id, or `title`, `description`, `privacy` and
                `layout` of one that is created for them.
            title: of each image; `{number}`, `{count}`, `{name}` and `{host}` are filled in.
            description: the same.
            priority: `low`, `normal` or `high`.
            callback_url: target of the webhook at the job's end.
            source_headers: sent to sources, by origin.
            resolve_pages: whether a link to a page is followed to the image that it names; None:
                as the service is set.
            convert: whether images that Imgur would refuse are converted; None: as is usual there.
            idempotency_key: names this submission; with the same one and the same body there is
                never a second job. One is made up where none is given, so that trying again is
                safe.

        Raises:
            InvalidUrlsError: entries cannot be used; nothing was taken.
        """
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
            headers={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
            is_repeatable=True,
        )
        return self.job(read(JobAccepted, json_of(answer)).job_id)

    def job(self, job_id: str) -> "Job":
        """A handle for a job, which the service is not asked about."""
        return Job(self, job_id)

    def status(
        self, job_id: str, *, limit: int | None = None, cursor: str | int | None = None
    ) -> JobStatus:
        """A job as it stands: whole, or one page of its results.

        Args:
            job_id: which.
            limit: most results, for a page.
            cursor: where the page begins: `next` of the one before.

        Raises:
            NotFoundError: there is no such job.
        """
        return self._page(JobStatus, _path(job_id), limit, cursor)

    def results(self, job_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[Result]:
        """All results of a job in the order of submission, asked for page by page.

        Raises:
            NotFoundError: there is no such job.
        """
        for page in self._pages(JobStatus, _path(job_id), page_size):
            yield from page.results

    def wait(self, job_id: str) -> Iterator[Progress]:
        """Follow a job to its end.

        Yields:
            How far it has come, at first and then with each change; the last one is complete. The
            same again every few seconds while nothing changes, so that a caller can leave.

        Raises:
            NotFoundError: there is no such job, or no longer.
            UnreachableError: the service has not answered for half a minute.
        """
        return follow(self._connection, _path(job_id))

    def cancel(self, job_id: str) -> int:
        """Cancel what of a job has not begun.

        Returns:
            How many of its URLs were cancelled.

        Raises:
            ConflictError: it is complete.
        """
        answer = self._connection.call("DELETE", _path(job_id))
        return read(JobCancelled, json_of(answer)).cancelled

    def retry(self, job_id: str) -> "Job":
        """Send the failed URLs of a complete job as a new one.

        Raises:
            ConflictError: none failed, or it is not complete.
        """
        answer = self._connection.call("POST", _path(job_id) + "/retry")
        return self.job(read(JobAccepted, json_of(answer)).job_id)

    def delete_image(self, job_id: str, index: int) -> None:
        """Have an uploaded image deleted at Imgur; `deleted` of its result says how that goes.

        Args:
            job_id: the job that uploaded it.
            index: the `index` of its result.

        Raises:
            NotFoundError: there is no such image.
            ConflictError: it is not uploaded.
        """
        self._connection.call("DELETE", f"{_path(job_id)}/images/{index}")

    def delete_album(self, job_id: str) -> None:
        """Have the album deleted that was created for a job; its images stay.

        Raises:
            NotFoundError: none was created.
            ConflictError: the job is not complete, or the album deleted already.
        """
        self._connection.call("DELETE", f"{_path(job_id)}/album")

    def jobs(
        self, *, status: str | None = None, page_size: int = PAGE_SIZE
    ) -> Iterator[JobSummary]:
        """All jobs, newest first, asked for page by page.

        Args:
            status: only jobs of this status.
            page_size: how many are asked for at once, at most 1000.
        """
        for page in self._pages(JobPage, "/v1/jobs", page_size, status=status):
            yield from page.jobs

    # --- images and the service itself ------------------------------------------------------

    def links(self, *, page_size: int = PAGE_SIZE) -> Iterator[str]:
        """The links of all images, in order of completion, asked for page by page."""
        for page in self._pages(LinkPage, "/v1/images", page_size):
            yield from page.uploaded

    def limits(self) -> Limits:
        """Imgur's limits, as the service last heard of them."""
        return read(Limits, json_of(self._connection.call("GET", "/v1/limits")))

    def ready(self) -> Readiness:
        """Whether the service takes jobs and works on them; that it does not is no error."""
        accepted = (HTTPStatus.SERVICE_UNAVAILABLE,)
        return read(Readiness, json_of(self._connection.call("GET", "/readyz", accepted=accepted)))

    def _pages(
        self, shape: type[_Page], path: str, size: int, *, status: str | None = None
    ) -> Iterator[_Page]:
        cursor: str | None = None
        while True:
            page = self._page(shape, path, size, cursor, status=status)
            yield page
            cursor = page.next
            if cursor is None:
                return

    def _page(
        self,
        shape: type[_Page],
        path: str,
        limit: int | None,
        cursor: str | int | None,
        *,
        status: str | None = None,
    ) -> _Page:
        params = {"limit": limit, "status": status, "cursor": cursor}
        answer = self._connection.call("GET", path, params=params)
        place = str(cursor)
        return read(shape, json_of(answer), int(place) if place.isdecimal() else 0)


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a service: what `Client` does with a job's id, without naming it each time."""

    client: Client
    id: str

    def status(self) -> JobStatus:
        """It as it stands, with all of its results."""
        return self.client.status(self.id)

    def results(self, *, page_size: int = PAGE_SIZE) -> Iterator[Result]:
        """All of its results, asked for page by page."""
        return self.client.results(self.id, page_size=page_size)

    def wait(self) -> Iterator[Progress]:
        """Follow it to its end; see `Client.wait`."""
        return self.client.wait(self.id)

    def cancel(self) -> int:
        """Cancel what of it has not begun; see `Client.cancel`."""
        return self.client.cancel(self.id)

    def retry(self) -> "Job":
        """Send its failed URLs as a new job; see `Client.retry`."""
        return self.client.retry(self.id)

    def delete_image(self, index: int) -> None:
        """Have one of its images deleted at Imgur; see `Client.delete_image`."""
        self.client.delete_image(self.id, index)

    def delete_album(self) -> None:
        """Have its album deleted at Imgur; see `Client.delete_album`."""
        self.client.delete_album(self.id)


def _path(job_id: str) -> str:
    return f"{_JOBS}/{quote(job_id, safe='')}"
