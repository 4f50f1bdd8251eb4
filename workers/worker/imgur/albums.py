"""Creating, ordering and deleting an album (https://apidocs.imgur.com, "Album").

An album is created empty and images are uploaded into it, as `deletehashes` at its creation have
left albums empty (DamienDennehy/Imgur.API#16, KenEucker/imgur#210). An anonymous album is changed
by its deletehash, an album of an account by its id.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeGuard
from urllib.parse import urlsplit

from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.contract.messages.albums import AlbumCall, AlbumCreated, AlbumStep
from workers.contract.messages.outcomes import Done
from workers.worker.imgur.calls import AuthorizedCalls, read_deletion, read_done
from workers.worker.imgur.multipart import encoded_form
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.response import ApiResponse, public_link

_PAGE: Final = "https://imgur.com/a/"
_is_hash = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class AlbumCalls:
    """Performs one step of an album at a time."""

    calls: AuthorizedCalls
    is_account: bool  # the credentials of `calls` are of an account

    def do(self, call: AlbumCall, attempt: int) -> AlbumCreated | Done:
        """Perform one step; attempts count from 1.

        Raises:
            RateLimitedError: Imgur takes no more calls for a while.
            ImgurError: Imgur refused, or could not be reached.
        """
        match call.step:
            case AlbumStep.CREATE:
                return self._create(call)
            case AlbumStep.ORDER:
                return self._order(call, attempt)
            case AlbumStep.DELETE:
                return self._delete(call)

    def _create(self, call: AlbumCall) -> AlbumCreated:
        fields = [(name, value) for name, value in call.asked._asdict().items() if value]
        return self.calls.make(
            "POST /3/album",
            self._read_created,
            action="create the album",
            is_creation=True,
            make_form=partial(encoded_form, fields),
        )

    def _read_created(self, answer: ApiResponse) -> AlbumCreated | None:
        album_id, deletehash = answer.data.get("id"), answer.data.get("deletehash")
        name = album_id if self.is_account else deletehash
        # Without its name no image could be uploaded into the album.
        if not (answer.is_success and _is_name(album_id) and _is_name(name)):
            return None
        return AlbumCreated(
            album_id,
            public_link(answer.data.get("link")) or _PAGE + album_id,
            name,
            pause_after_upload(answer.quota),
        )

    def _order(self, call: AlbumCall, attempt: int) -> Done:
        """Set the order of the images, unless they have it already.

        Raises:
            ImgurError: the album shows something else afterwards.
        """
        deadline = self.calls.deadline()  # for all calls together, as a lease is not longer
        wanted = [_image_id(link) for link in call.links]
        if self._images_in(call.album_id, deadline) == wanted:
            return Done()
        # Deletehashes are accepted for albums of accounts as well; if they are not, ids may be.
        by_hash = attempt % 2 == 1 and all(call.deletehashes)
        field, names = ("deletehashes[]", call.deletehashes) if by_hash else ("ids[]", wanted)
        done = self.calls.make(
            "POST /3/album/{hash}",
            read_done,
            action="order the album",
            make_form=partial(encoded_form, [(field, name) for name in names]),
            hash=call.name,
            secrets=call.deletehashes,
            deadline=deadline,
        )
        shown = self._images_in(call.album_id, deadline)
        if shown is not None and shown != wanted:
            raise ImgurError(
                Reason.IMGUR_BAD_ANSWER,
                f"Imgur was told the order of the album's {len(wanted)} images, and shows "
                f"{len(shown)} of them or in another order.",
                transient=True,
            )
        return done

    def _images_in(self, album_id: str, deadline: float) -> list[str] | None:
        """Return the ids of the images that an album shows; None if Imgur does not show it."""
        try:
            return self.calls.make(
                "GET /3/album/{id}/images",
                _read_images,
                action="show the album",
                id=album_id,
                deadline=deadline,
            )
        except RateLimitedError:
            raise
        except ImgurError as error:
            if error.transient:
                raise
            return None

    def _delete(self, call: AlbumCall) -> Done:
        return self.calls.make(
            "DELETE /3/album/{hash}", read_deletion, action="delete the album", hash=call.name
        )


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _is_hash(value) is not None


def _read_images(answer: ApiResponse) -> list[str] | None:
    images = answer.document.get("data")
    if not answer.is_success or not isinstance(images, list):
        return None
    return [str(image.get("id")) for image in images if isinstance(image, dict)]


def _image_id(link: str) -> str:
    """Return an image's id: the file name of its link, without the extension."""
    return urlsplit(link).path.rpartition("/")[2].partition(".")[0]
