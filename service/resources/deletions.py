"""Deleting an image that was uploaded, or the album that was created for a job."""

import re
from http import HTTPStatus
from typing import Final

import falcon
import structlog

from service.middleware.api_keys import owner_of
from service.problems.problems import Problem
from service.rendering.models import AlbumDeletionAccepted, DeletionAccepted
from service.rendering.rendered import render
from service.requests.job_ids import canonical, job_not_found
from workers import Backend, DeletionRefusal

_DRAINING_RETRY_SECONDS = 30
_is_index = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch

_REFUSALS: Final = {
    DeletionRefusal.IMAGE_NOT_FOUND: (
        HTTPStatus.NOT_FOUND,
        "The job has no image with this index; `results` counts from 0.",
    ),
    DeletionRefusal.IMAGE_NOT_COMPLETE: (
        HTTPStatus.CONFLICT,
        "Only an image whose state is complete can be deleted, and this one's is not.",
    ),
    DeletionRefusal.IMAGE_NOT_DELETABLE: (
        HTTPStatus.CONFLICT,
        "Imgur gave nothing to delete it with, or it came with another URL (`deduplicated`).",
    ),
    DeletionRefusal.IMAGE_ALREADY_DELETED: (
        HTTPStatus.CONFLICT,
        "This image is deleted, or about to be.",
    ),
    DeletionRefusal.ALBUM_NOT_FOUND: (
        HTTPStatus.NOT_FOUND,
        "No album was created for this job: its `album` was none, or the id of another one.",
    ),
    DeletionRefusal.ALBUM_NOT_CREATED: (
        HTTPStatus.CONFLICT,
        "The album of this job could not be created; there is nothing to delete.",
    ),
    DeletionRefusal.ALBUM_ALREADY_DELETED: (
        HTTPStatus.CONFLICT,
        "This album is deleted, or about to be.",
    ),
    DeletionRefusal.JOB_UNFINISHED: (
        HTTPStatus.CONFLICT,
        "Images are still to come into this album. Cancel its jobs, or wait for their end.",
    ),
}


class DeletionResource:
    """DELETE /v1/images/upload/{job_id}/images/{index}.

    Args:
        backend: has the jobs.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._log = structlog.get_logger("http")

    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, job_id: str, index: str
    ) -> None:
        """Queue the deletion of the image."""
        known_id, owner = canonical(job_id), owner_of(req)
        # An index of no job: the mailbox tells whether job or image is missing.
        number = int(index) if _is_index(index) else -1
        refusal = self._backend.mailbox.delete_image(known_id, number, owner)
        if refusal is not None:
            raise _problem(refusal)
        self._log.info(
            "deletion accepted",
            job_id=known_id,
            index=number,
            client=req.remote_addr,
            owner=owner or None,
        )
        resp.status = HTTPStatus.ACCEPTED
        resp.data = render(DeletionAccepted(jobId=known_id, index=number, deleted="pending"))


class AlbumDeletionResource:
    """DELETE /v1/images/upload/{job_id}/album.

    Args:
        backend: has the jobs.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._log = structlog.get_logger("http")

    def on_delete(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Have the album deleted by a worker, and answer at once; its images stay."""
        known_id, owner = canonical(job_id), owner_of(req)
        refusal = self._backend.mailbox.delete_album(known_id, owner)
        if refusal is not None:
            raise _problem(refusal)
        self._log.info(
            "album deletion accepted",
            job_id=known_id,
            client=req.remote_addr,
            owner=owner or None,
        )
        resp.status = HTTPStatus.ACCEPTED
        resp.data = render(AlbumDeletionAccepted(jobId=known_id, deleted="pending"))


def _problem(refusal: DeletionRefusal) -> Problem:
    if refusal is DeletionRefusal.JOB_NOT_FOUND:
        return job_not_found()
    if refusal is DeletionRefusal.DRAINING:
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            refusal.value,
            "The service is shutting down and deletes nothing more. Send it again later.",
            headers={"Retry-After": str(_DRAINING_RETRY_SECONDS)},
        )
    status, detail = _REFUSALS[refusal]
    return Problem(status, refusal.value, detail)
