"""Client of Imgur's API for one upload at a time; each lane has its own."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import quote

from workers.contract.errors import ImgurError
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages import Altered
from workers.contract.quota import Quota
from workers.contract.tokens import Tokens
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.albums import AlbumCalls
from workers.worker.imgur.altered import read_altered
from workers.worker.imgur.auth import Authorizer
from workers.worker.imgur.authorized_calls import ApiCall, AuthorizedCalls
from workers.worker.imgur.deletion import read_deletion, why_not_done
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.imgur.errors import explain
from workers.worker.imgur.exchange import Exchange
from workers.worker.imgur.links import public_link
from workers.worker.imgur.multipart import image_form
from workers.worker.imgur.rate_limit import pause_after_upload
from workers.worker.imgur.refusal import read_refusal
from workers.worker.imgur.response import ApiResponse, parse_json

_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class UploadedImage:
    """An image stored at Imgur.

    Attributes:
        link: public link.
        deletehash: secret that allows deleting the image.
        altered: what Imgur says it stored, if that is not what was sent.
        pause_seconds: until the quota resets, if this upload used it up.
    """

    link: str
    deletehash: str = field(repr=False)
    pause_seconds: float | None = None
    altered: Altered | None = None


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
        self._url = f"{access.api_url.rstrip('/')}/3/image"
        self._fields = {"type": "file"}
        if access.album is not None:
            self._fields["album"] = access.album
        self._exchange = Exchange(access, transfers)
        deprecations = deprecations or DeprecationLog(time.monotonic)
        authorizer = Authorizer(access, tokens, self._exchange, deprecations)
        self._calls = AuthorizedCalls(authorizer, on_quota, deprecations, access.upload_seconds)
        self.albums = AlbumCalls(access, self._calls, self._exchange)
        """Calls about albums, with the same connections and credentials."""

    def upload(
        self,
        file: BinaryIO,
        size: int,
        media_type: str,
        filename: str,
        fields: Mapping[str, str] = _NO_FIELDS,
    ) -> UploadedImage:
        """Upload one image.

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
        sent = Altered(media_type, size)

        def send(headers: Mapping[str, str], seconds: float) -> ApiResponse:
            form = image_form(file, size, media_type, filename, all_fields)
            return self._exchange.send("POST", self._url, headers, seconds, form)

        call = ApiCall(
            "POST /3/image", send, lambda answer: _read_image(answer, sent), _why_not_uploaded
        )
        return self._calls.make(call)

    def delete(self, deletehash: str) -> float | None:
        """Delete one image; a missing one counts as deleted.

        Args:
            deletehash: from the upload's response; valid for images of an account too.

        Returns:
            Seconds until the quota resets, if this call used it up.

        Raises:
            RateLimitedError: Imgur refuses calls for a while.
            ImgurError: Imgur did not delete the image, or could not be reached.
        """
        url = f"{self._url}/{quote(deletehash, safe='')}"
        call = ApiCall(
            "DELETE /3/image/{deletehash}",
            partial(self._exchange.send, "DELETE", url),
            read_deletion,
            why_not_done("delete the image"),
            secrets=(deletehash,),
        )
        return self._calls.make(call).pause_seconds

    def close(self) -> None:
        self._exchange.close()


def _why_not_uploaded(
    answer: ApiResponse, credentials: str, secrets: Collection[str], now: float
) -> ImgurError:
    refusal = read_refusal(answer)
    return explain(answer, refusal, credentials=credentials, secrets=secrets, now=now)


def _read_image(answer: ApiResponse, sent: Altered) -> UploadedImage | None:
    document = parse_json(answer.body)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(data, dict):
        return None
    # With any status: another attempt would store the image twice.
    if not answer.is_success and document.get("success") is not True:
        return None
    link = public_link(data.get("link"))
    if link is None:
        return None
    deletehash = data.get("deletehash")
    return UploadedImage(
        link=link,
        deletehash=deletehash if isinstance(deletehash, str) else "",
        pause_seconds=pause_after_upload(answer.headers, time.time()),
        altered=read_altered(data, sent),
    )
