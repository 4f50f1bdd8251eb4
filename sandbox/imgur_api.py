"""The calls of Imgur's API, version 3, for images, tokens and credits."""

import contextlib
import functools
import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiohttp import web
from aiohttp.http import HttpProcessingError

from sandbox import imgur_answers as imgur
from sandbox.albums import Albums
from sandbox.faults import Counts
from sandbox.images import INSCRIPTION
from sandbox.imgur_answers import Call, UploadFault, parse_upload_fault
from sandbox.uploads import Upload, Uploads, read_header

MAX_IMAGE_BYTES = 20_000_000
MAX_ANIMATION_BYTES = 10_000_000
_INSCRIPTION = re.compile(
    INSCRIPTION.encode() + rb"((?:fault ([0-9a-z~-]{1,60}))?[0-9A-Za-z_. -]{0,100})\n"
)
_INSCRIBED_WITHIN = 2048  # comments stand in front of the pixels
_ACCESS_TOKEN = re.compile(r"sandbox-access-([0-9]{1,12})-[0-9a-f]{16}")
_TOKEN_FIELDS = ("client_id", "client_secret", "grant_type", "refresh_token")

Form = Mapping[str, object]  # a text or a `web.FileField` by name


class ImgurApi(NamedTuple):
    """Answers as Imgur does; `clock` returns seconds since the epoch."""

    uploads: Uploads
    albums: Albums
    counts: Counts
    token_seconds: int
    clock: Callable[[], float]

    async def respond(self, call: Call, fault: UploadFault | None = None) -> web.StreamResponse:
        """Answer one call; `fault` applies to uploads and new albums only."""
        match call.request.method, call.path:
            case "POST", "/3/image" | "/3/upload":
                return await self._upload(call, fault)
            case "POST", "/oauth2/token":
                return self._refresh(call, await _read_form(call.request))
            case "DELETE", path if path.startswith("/3/image/"):
                return self._unauthorized(call) or self._delete(call)
            case _, path if path == "/3/album" or path.startswith("/3/album/"):
                return self._unauthorized(call) or await self._album(call, fault)
            case "GET" | "HEAD", "/3/credits":
                return self._unauthorized(call) or imgur.credits_left()
        return imgur.error(call, 404, "Unable to find such an endpoint")

    async def _album(self, call: Call, fault: UploadFault | None) -> web.StreamResponse:
        genuine = functools.partial(self.albums.respond, call)
        is_new = (call.request.method, call.path) == ("POST", "/3/album")
        if is_new and fault and imgur.KINDS[fault.name].answer:  # others are about images
            return await fault.respond(call, self.counts, b"", genuine)
        return await genuine()

    def _unauthorized(self, call: Call) -> web.Response | None:
        """Return a refusal, if any. Access tokens hold their own end, so they outlive a restart."""
        scheme, _, value = call.request.headers.get("Authorization", "").partition(" ")
        value = value.strip()
        if scheme.lower() not in {"client-id", "bearer"} or not value:
            return imgur.error(call, 401, "Authentication required")
        if scheme.lower() == "client-id":
            return None
        token = _ACCESS_TOKEN.fullmatch(value)
        if token is None:
            return imgur.error(call, 403, "The access token provided is invalid.")
        if self.clock() >= int(token[1]):
            return imgur.error(call, 401, "The access token provided has expired.")
        return None

    def _refresh(self, call: Call, form: Form) -> web.Response:
        fields = {name: _text(form, name) for name in _TOKEN_FIELDS}
        if not all(fields.values()):
            return imgur.error(call, 400, "The required fields are: " + ", ".join(_TOKEN_FIELDS))
        if fields["grant_type"] != "refresh_token":
            return imgur.error(call, 400, "Invalid grant_type parameter")
        if not fields["refresh_token"].startswith("sandbox-"):
            return imgur.error(call, 400, "Invalid refresh token")
        end = int(self.clock()) + self.token_seconds
        token = f"sandbox-access-{end}-{secrets.token_hex(8)}"
        return imgur.token(token, self.token_seconds, fields["refresh_token"])

    async def _upload(self, call: Call, fault: UploadFault | None) -> web.StreamResponse:
        form = await _read_form(call.request)
        file = form.get("image")
        image = file.file.read() if isinstance(file, web.FileField) else None
        self.uploads.attempts += 1

        async def take() -> web.StreamResponse:
            refusal = self._unauthorized(call) or _refusal(call, form, image)
            return refusal or await self._take(call, form, image or b"")

        return await (fault.respond(call, self.counts, b"", take) if fault else take())

    async def _take(self, call: Call, form: Form, image: bytes) -> web.StreamResponse:
        header = read_header(image)
        if header is None:
            return imgur.error(call, 400, imgur.INVALID_TYPE)
        if header.animated and len(image) > MAX_ANIMATION_BYTES:
            return imgur.error(call, 417, "Internal expectation failed")
        digest = hashlib.sha256(image).digest()
        inscription = _INSCRIPTION.search(image[:_INSCRIBED_WITHIN])
        name = inscription and inscription[1].decode()
        fault = parse_upload_fault(((inscription and inscription[2]) or b"").decode())

        album = self.albums.target(call, _text(form, "album"))
        if album is None:
            return imgur.error(call, 404, "Unable to find an album with this id")

        async def keep() -> web.StreamResponse:
            upload = Upload(digest, name, len(image), header)
            self.uploads.keep(upload, image)
            album.images.append(upload.id)
            about = {"datetime": int(self.clock()), "account_id": int(call.of_account)}
            return imgur.success(
                _fields_of(form, upload) | about | {"link": upload.link(call.base)}
            )

        return await (fault.respond(call, self.counts, digest, keep) if fault else keep())

    def _delete(self, call: Call) -> web.Response:
        upload = self.uploads.of_deletehash(call.path.removeprefix("/3/image/"))
        if upload is None:
            return imgur.error(call, 404, "Unable to find an image with this hash")
        upload.deleted = True
        return imgur.success(data=True)


def _refusal(call: Call, form: Form, image: bytes | None) -> web.Response | None:
    """Return the answer to a form without a file that Imgur accepts; None otherwise."""
    if image is not None:
        if not image:
            return imgur.error(call, 400, "No image data was sent")
        if len(image) > MAX_IMAGE_BYTES:
            return imgur.error(call, 413, "file is over the size limit")
        return None
    if _text(form, "type").lower() == "url" or _text(form, "image").lower().startswith("http"):
        # The service must never do this, so it is logged as an error.
        logging.getLogger("sandbox").error("upload by link refused", extra={"path": call.path})
        return imgur.error(call, 400, "The sandbox refuses uploads by link: send the image itself.")
    message = "The sandbox takes an image as the file of a multipart form, in the field image."
    return imgur.error(call, 400, message)


def _fields_of(form: Form, upload: Upload) -> dict[str, imgur.JsonValue]:
    """Return Imgur's fields of a new image, in their usual order."""
    title, description = (
        _text(form, name) if name in form else None for name in ("title", "description")
    )
    header = upload.header
    return {
        "id": upload.id, "title": title, "description": description, "datetime": 0,
        "type": header.media_type, "animated": header.animated, "width": header.width,
        "height": header.height, "size": upload.size, "views": 0, "bandwidth": 0, "vote": None,
        "favorite": False, "nsfw": None, "section": None, "account_url": None, "account_id": 0,
        "is_ad": False, "in_most_viral": False, "has_sound": False, "tags": [], "ad_type": 0,
        "ad_url": "", "edited": "0", "in_gallery": False, "deletehash": upload.deletehash,
        "name": "",
    }  # fmt: skip


async def _read_form(request: web.Request) -> Form:
    """Return the fields of a form or of a JSON object by name; none if it is neither, or broken."""
    with contextlib.suppress(ValueError, LookupError, HttpProcessingError):
        fields = await (request.json() if "json" in request.content_type else request.post())
        if isinstance(fields, Mapping):
            return fields
    return {}


def _text(form: Form, name: str) -> str:
    value = form.get(name)
    return value[:1000] if isinstance(value, str) else ""
