"""Uploads images to Imgur, one at a time; each lane has a client of its own."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import BinaryIO
from urllib.parse import quote

from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages import Altered
from workers.contract.quota import Quota
from workers.contract.tokens import Tokens
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.altered import read_altered
from workers.worker.imgur.auth import Authorizer, Credential
from workers.worker.imgur.deletion import is_deleted, why_not_deleted
from workers.worker.imgur.deprecation import DeprecationLog
from workers.worker.imgur.errors import explain
from workers.worker.imgur.exchange import Exchange, timed_out
from workers.worker.imgur.multipart import Form, image_form
from workers.worker.imgur.rate_limit import pause_after_upload, read_quota
from workers.worker.imgur.refusal import read_refusal
from workers.worker.imgur.response import ApiResponse, parse_json

_NO_FIELDS: Mapping[str, str] = MappingProxyType({})
# Names and addresses of hosts; Imgur itself has neither ports nor addresses, a stand-in may.
_LINK = re.compile(
    r"(https?)://"
    r"(?=[^/]{1,253}/)([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.?|\[[0-9a-f:.]{2,45}\])"
    r"(?::([0-9]{1,5}))?/[!-~]{1,1000}",
    re.IGNORECASE | re.ASCII,
)
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class UploadedImage:
    """An image that Imgur has stored.

    Attributes:
        link: public.
        deletehash: lets whoever knows it delete the image.
        altered: what Imgur says it stored, if that is not what was sent.
        pause_seconds: set when this upload used up the allowance: how long nothing more will fit.
    """

    link: str
    deletehash: str = field(repr=False)
    pause_seconds: float | None = None
    altered: Altered | None = None


class ImgurClient:
    """Uploads images, anonymously or to an account.

    Args:
        access: where, and as whom.
        tokens: the access token that all workers share; used for an account only.
        transfers: performs the calls.
        on_quota: told what each answer says of the limits.
        deprecations: what all lanes share; by default the client has one to itself.
    """

    def __init__(
        self,
        access: ImgurAccess,
        tokens: Tokens,
        transfers: TransferLoop,
        on_quota: Callable[[Quota], None] = lambda _: None,
        deprecations: DeprecationLog | None = None,
    ) -> None:
        self._on_quota = on_quota
        self._deprecations = deprecations or DeprecationLog(time.monotonic)
        self._upload_seconds = access.upload_seconds
        self._url = f"{access.api_url.rstrip('/')}/3/image"
        self._fields = {"type": "file"}
        if access.album is not None:
            self._fields["album"] = access.album
        self._exchange = Exchange(access, transfers)
        self._authorizer = Authorizer(access, tokens, self._exchange, self._deprecations)

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
            RateLimitedError: Imgur takes no more uploads for a while.
            ImgurError: Imgur did not take the image, or could not be reached.
        """
        deadline = time.monotonic() + self._upload_seconds
        all_fields = {**self._fields, **fields} if fields else self._fields
        make_form = partial(image_form, file, size, media_type, filename, all_fields)
        sent = Altered(media_type, size)
        credential = self._authorizer.credential(deadline)
        answer = self._post(credential, make_form, deadline)
        image = _read_image(answer, sent)
        if image is None and credential.generation is not None and _is_stale(answer):
            # The token went stale before its time, or on the way.
            credential = self._authorizer.credential(deadline, refused=credential)
            answer = self._post(credential, make_form, deadline)
            image = _read_image(answer, sent)
        if image is None:
            raise explain(
                answer,
                read_refusal(answer),
                credentials=self._authorizer.settings,
                secrets=self._authorizer.secrets(credential.secret),
                now=time.time(),
            )
        return image

    def delete(self, deletehash: str) -> float | None:
        """Delete one image. One that is not there any more counts as deleted.

        Args:
            deletehash: what the upload's answer gave; it serves for images of an account as well.

        Returns:
            Seconds until another call fits, when this one used up the allowance.

        Raises:
            RateLimitedError: Imgur takes no more calls for a while.
            ImgurError: Imgur did not delete the image, or could not be reached.
        """
        deadline = time.monotonic() + self._upload_seconds
        credential = self._authorizer.credential(deadline)
        answer = self._delete(credential, deletehash, deadline)
        if not is_deleted(answer) and credential.generation is not None and _is_stale(answer):
            credential = self._authorizer.credential(deadline, refused=credential)
            answer = self._delete(credential, deletehash, deadline)
        if not is_deleted(answer):
            secrets = self._authorizer.secrets(credential.secret, deletehash)
            raise why_not_deleted(answer, self._authorizer.settings, secrets, time.time())
        return pause_after_upload(answer.headers, time.time())

    def close(self) -> None:
        self._exchange.close()

    def _post(
        self, credential: Credential, make_form: Callable[[], Form], deadline: float
    ) -> ApiResponse:
        left = deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        form = make_form()
        headers = {"Authorization": credential.header, "Content-Type": form.content_type}
        answer = self._exchange.post(self._url, headers, form.body, form.length, left)
        self._read_headers("POST /3/image", answer, credential)
        return answer

    def _delete(self, credential: Credential, deletehash: str, deadline: float) -> ApiResponse:
        left = deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        url = f"{self._url}/{quote(deletehash, safe='')}"
        answer = self._exchange.delete(url, {"Authorization": credential.header}, left)
        self._read_headers("DELETE /3/image/{deletehash}", answer, credential, deletehash)
        return answer

    def _read_headers(
        self, call: str, answer: ApiResponse, credential: Credential, *secrets: str
    ) -> None:
        self._on_quota(read_quota(answer.headers, time.time()))
        self._deprecations.read(
            call, answer.headers, self._authorizer.secrets(credential.secret, *secrets)
        )


def _is_stale(answer: ApiResponse) -> bool:
    return read_refusal(answer).is_stale_token


def _read_image(answer: ApiResponse, sent: Altered) -> UploadedImage | None:
    document = parse_json(answer.body)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(data, dict):
        return None
    # Whatever the status is: to send again what is stored would store it twice.
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


def public_link(link: object) -> str | None:
    """The link as it is shown: https for Imgur's own hosts; None if it is no web link."""
    match = _LINK.fullmatch(link) if isinstance(link, str) else None
    if match is None:
        return None
    scheme, host, port = match.groups()
    if port is not None and not 0 < int(port) <= _LAST_PORT:
        return None
    is_imgurs = port is None and f".{host.lower()}".endswith(".imgur.com")
    return ("https" if is_imgurs else scheme.lower()) + match[0][len(scheme) :]
