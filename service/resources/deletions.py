"""Deleting an image that was uploaded, or the album that was created for a job."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import falcon

from service.middleware.access_log import log_change
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
        "The job has no image with this index; `results` counts from 0."
    ),
    DeletionRefusal.IMAGE_NOT_COMPLETE: (
        "Only an image whose state is complete can be deleted, and this one's is not."
    ),
    DeletionRefusal.IMAGE_NOT_DELETABLE: (
        "Imgur gave nothing to delete it with, or it came with another URL (`deduplicated`)."
    ),
    DeletionRefusal.IMAGE_ALREADY_DELETED: "This image is deleted, or about to be.",
    DeletionRefusal.ALBUM_NOT_FOUND: (
        "No album was created for this job: its `album` was none, or the id of another one."
    ),
    DeletionRefusal.ALBUM_NOT_CREATED: (
        "The album of this job could not be created; there is nothing to delete."
    ),
    DeletionRefusal.ALBUM_ALREADY_DELETED: "This album is deleted, or about to be.",
    DeletionRefusal.JOB_UNFINISHED: (
        "Images are still to come into this album. Cancel its jobs, or wait for their end."
    ),
}


@dataclass(frozen=True, slots=True)
class DeletionResource:
    """DELETE /v1/images/upload/{job_id}/images/{index}."""

    backend: Backend

    def on_delete(
        self, req: falcon.Request, resp: falcon.Response, job_id: str, index: str
    ) -> None:
        known_id = canonical(job_id)
        # -1 is no valid index: the mailbox returns whether the job or the image is missing.
        number = int(index) if _is_index(index) else -1
        _accept(self.backend.mailbox.delete_image(known_id, number, owner_of(req)), resp)
        log_change(req, "deletion accepted", job_id=known_id, index=number)
        resp.data = render(DeletionAccepted(jobId=known_id, index=number, deleted="pending"))


@dataclass(frozen=True, slots=True)
class AlbumDeletionResource:
    """DELETE /v1/images/upload/{job_id}/album."""

    backend: Backend

    def on_delete(self, req: falcon.Request, resp: falcon.Response, job_id: str) -> None:
        """Queue the deletion of the album; its images stay."""
        known_id = canonical(job_id)
        _accept(self.backend.mailbox.delete_album(known_id, owner_of(req)), resp)
        log_change(req, "album deletion accepted", job_id=known_id)
        resp.data = render(AlbumDeletionAccepted(jobId=known_id, deleted="pending"))


def _accept(refusal: DeletionRefusal | None, resp: falcon.Response) -> None:
    if refusal is DeletionRefusal.JOB_NOT_FOUND:
        raise job_not_found()
    if refusal is DeletionRefusal.DRAINING:
        raise Problem(
            refusal.value,
            "The service is shutting down and deletes nothing more. Send it again later.",
            retry_after=_DRAINING_RETRY_SECONDS,
        )
    if refusal is not None:
        raise Problem(refusal.value, _REFUSALS[refusal])
    resp.status = HTTPStatus.ACCEPTED
