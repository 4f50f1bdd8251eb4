"""Creating, ordering and deleting an album (https://apidocs.imgur.com, "Album").

An album is created empty and images are uploaded into it, as `deletehashes` at its creation have
left albums empty (DamienDennehy/Imgur.API#16, KenEucker/imgur#210). An anonymous album is changed
by its deletehash, an album of an account by its id.
"""

import re
import time
from functools import partial
from typing import Final
from urllib.parse import quote, urlsplit

from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages import AlbumCall, AlbumCreated, AlbumStep, Done
from workers.worker.imgur.authorized_calls import ApiCall, AuthorizedCalls
from workers.worker.imgur.deletion import read_deletion, read_done, why_not_done
from workers.worker.imgur.exchange import Exchange
from workers.worker.imgur.links import public_link
from workers.worker.imgur.multipart import encoded_form
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.response import ApiResponse, parse_json

_PAGE: Final = "https://imgur.com/a/"
_is_hash = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII).fullmatch


class AlbumCalls:
    """Performs one step of an album at a time.

    Args:
        access: API and account.
        calls: makes calls with credentials.
        exchange: sends them.
    """

    def __init__(self, access: ImgurAccess, calls: AuthorizedCalls, exchange: Exchange) -> None:
        self._is_account = access.refresh_token is not None
        self._url = f"{access.api_url.rstrip('/')}/3/album"
        self._calls = calls
        self._exchange = exchange

    def do(self, call: AlbumCall, attempt: int) -> AlbumCreated | Done:
        """Perform one step.

        Args:
            call: the step.
            attempt: its number, from 1.

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
        return self._calls.make(
            ApiCall(
                "POST /3/album",
                partial(self._exchange.send, "POST", self._url, body=encoded_form(fields)),
                self._read_created,
                why_not_done("create the album", is_creation=True),
            )
        )

    def _read_created(self, answer: ApiResponse) -> AlbumCreated | None:
        document = parse_json(answer.body)
        data = document.get("data") if isinstance(document, dict) else None
        if not answer.is_success or not isinstance(data, dict):
            return None
        album_id, deletehash = data.get("id"), data.get("deletehash")
        if not isinstance(album_id, str) or not _is_hash(album_id):
            return None
        name = album_id if self._is_account else deletehash
        if not isinstance(name, str) or not _is_hash(name):
            return None  # without it no image could be uploaded into the album
        return AlbumCreated(
            album_id,
            public_link(data.get("link")) or _PAGE + album_id,
            name,
            pause_after_upload(answer.headers, time.time()),
        )

    def _order(self, call: AlbumCall, attempt: int) -> Done:
        """Set the order of the images, unless they have it already.

        Raises:
            ImgurError: the album shows something else afterwards.
        """
        deadline = self._calls.deadline()  # for all calls together, as a lease is not longer
        wanted = [_image_id(link) for link in call.links]
        if self._images_in(call.album_id, deadline) == wanted:
            return Done()
        # Deletehashes are accepted for albums of accounts as well; if they are not, ids may be.
        by_hash = attempt % 2 == 1 and all(call.deletehashes)
        field, names = ("deletehashes[]", call.deletehashes) if by_hash else ("ids[]", wanted)
        form, url = encoded_form([(field, name) for name in names]), self._url_of(call.name)
        done = self._calls.make(
            ApiCall(
                "POST /3/album/{hash}",
                partial(self._exchange.send, "POST", url, body=form),
                read_done,
                why_not_done("order the album"),
                (call.name, *call.deletehashes),
            ),
            deadline,
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
        url = f"{self._url_of(album_id)}/images"
        call = ApiCall(
            "GET /3/album/{id}/images",
            partial(self._exchange.send, "GET", url),
            _read_images,
            why_not_done("show the album"),
        )
        try:
            return self._calls.make(call, deadline)
        except RateLimitedError:
            raise
        except ImgurError as error:
            if error.transient:
                raise
            return None

    def _delete(self, call: AlbumCall) -> Done:
        url = self._url_of(call.name)
        return self._calls.make(
            ApiCall(
                "DELETE /3/album/{hash}",
                partial(self._exchange.send, "DELETE", url),
                read_deletion,
                why_not_done("delete the album"),
                (call.name,),
            )
        )

    def _url_of(self, name: str) -> str:
        return f"{self._url}/{quote(name, safe='')}"


def _read_images(answer: ApiResponse) -> list[str] | None:
    document = parse_json(answer.body) if answer.is_success else None
    images = document.get("data") if isinstance(document, dict) else None
    if not isinstance(images, list):
        return None
    return [str(image.get("id")) for image in images if isinstance(image, dict)]


def _image_id(link: str) -> str:
    """Return an image's id: the file name of its link, without the extension."""
    return urlsplit(link).path.rpartition("/")[2].partition(".")[0]
