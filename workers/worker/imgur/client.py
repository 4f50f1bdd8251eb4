"""Client of Imgur's API for one upload at a time; each lane has its own."""

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import BinaryIO

from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Altered, Done, ImageDetails, Uploaded
from workers.contract.quota import Quota
from workers.contract.tokens import Tokens
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.albums import AlbumCalls
from workers.worker.imgur.calls import AuthorizedCalls, read_deletion
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.imgur.exchange import Exchange
from workers.worker.imgur.multipart import image_form
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.response import ApiResponse, public_link

_NO_FIELDS: Mapping[str, str] = MappingProxyType({})
_MAX_BYTES = 2**40
_is_media_type = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,40}", re.ASCII).fullmatch


class ImgurClient:
    """Uploads images, anonymously or to an account.

    Args:
        access: API, account and application.
        tokens: store of the access token; used for an account only.
        transfers: performs the requests.
        on_quota: called with the limits of each response.
        deprecations: log that all lanes share; None for one of its own.
    """

    def __init__(
        self,
        access: ImgurAccess,
        tokens: Tokens,
        transfers: TransferLoop,
        on_quota: Callable[[Quota], None] = lambda _: None,
        deprecations: DeprecationLog | None = None,
    ) -> None:
        self._fields = {"type": "file"}
        if access.album is not None:
            self._fields["album"] = access.album
        deprecations = deprecations or DeprecationLog(time.monotonic)
        self._exchange = Exchange(access, transfers, deprecations)
        self._calls = AuthorizedCalls(access, tokens, self._exchange, on_quota)
        self.albums = AlbumCalls(self._calls, access.refresh_token is not None)
        """Calls about albums, with the same connections and credentials."""

    def upload(
        self,
        file: BinaryIO,
        size: int,
        media_type: str,
        filename: str,
        fields: Mapping[str, str] = _NO_FIELDS,
    ) -> Uploaded:
        """Upload one image. Of its details only what Imgur has altered is known here.

        Args:
            file: seekable; read from its beginning.
            size: of the content, in bytes.
            media_type: of the content.
            filename: shown to Imgur.
            fields: of its form, such as `title`; an `album` takes the place of the usual one.

        Raises:
            RateLimitedError: Imgur refuses uploads for a while.
            ImgurError: Imgur refused the image, or could not be reached.
        """
        all_fields = {**self._fields, **fields} if fields else self._fields
        return self._calls.make(
            "POST /3/image",
            partial(_read_image, sent=Altered(media_type, size)),
            is_creation=True,
            make_form=lambda: image_form(file, size, media_type, filename, all_fields),
            secrets=(all_fields.get("album", ""),),  # a deletehash, if it is anonymous
        )

    def delete(self, deletehash: str) -> Done:
        """Delete one image; a missing one counts as deleted.

        Args:
            deletehash: from the upload's response; valid for images of an account too.

        Raises:
            RateLimitedError: Imgur refuses calls for a while.
            ImgurError: Imgur did not delete the image, or could not be reached.
        """
        return self._calls.make(
            "DELETE /3/image/{deletehash}",
            read_deletion,
            action="delete the image",
            deletehash=deletehash,
        )

    def close(self) -> None:
        self._exchange.close()


def _read_image(answer: ApiResponse, sent: Altered) -> Uploaded | None:
    link = public_link(answer.data.get("link"))
    # With any status: another attempt would store the image twice.
    if link is None or not (answer.is_success or answer.document.get("success") is True):
        return None
    deletehash = answer.data.get("deletehash")
    return Uploaded(
        link=link,
        deletehash=deletehash if isinstance(deletehash, str) else "",
        pause_seconds=pause_after_upload(answer.quota),
        details=ImageDetails(altered=read_altered(answer.data, sent)),
    )


def read_altered(data: Mapping[str, object], sent: Altered) -> Altered | None:
    """Return what Imgur stored, if that differs from what was sent; missing fields are unchanged.

    PNG above 5 MB becomes JPEG, and anonymous uploads above 1 MB are compressed again
    (ShareX/ShareX#6793). The response's ``type`` and ``size`` are of the stored image
    (https://apidocs.imgur.com, "Image").

    Args:
        data: of the response to the upload.
        sent: type and size of the image.
    """
    media_type, size = data.get("type"), data.get("size")
    stored = Altered(
        media_type if isinstance(media_type, str) and _is_media_type(media_type) else sent[0],
        size if isinstance(size, int) and 1 < size < _MAX_BYTES else sent[1],
    )
    return None if stored == sent else stored
