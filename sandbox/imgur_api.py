"""The calls of Imgur's API, version 3, that an uploader needs."""

import hashlib
import json
import re
from collections.abc import Callable
from http import HTTPStatus

from sandbox import imgur_answers as say
from sandbox.access_tokens import REFRESH_PREFIX, AccessTokens, Validity
from sandbox.answers import Answer
from sandbox.event_log import log_event
from sandbox.http_message import Request, Response, json_response, parse_form
from sandbox.image_header import ImageHeader, read_header
from sandbox.images import INSCRIPTION
from sandbox.imgur_faults import UploadFault, UploadFaults, parse_upload_fault
from sandbox.multipart import Part, parse_multipart
from sandbox.uploads import Upload, Uploads

MAX_IMAGE_BYTES = 20_000_000
_DELETE_PATH = "/3/image/"
_MARK = INSCRIPTION.encode()
_MARK_WITHIN = 2048  # comments stand in front of the pixels
_INSCRIPTION = re.compile(rb"((?:fault ([0-9a-z~-]{1,60}))?[0-9A-Za-z_. -]{0,100})\n")
_FILE_TYPE_INVALID = 1003
_ACCOUNT_ID = 1


class ImgurApi:
    """Answers as Imgur does.

    Args:
        uploads: where images go.
        faults: counts the faults that were met.
        tokens: issues and checks access tokens.
        origin: where links lead if the client names no host.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        uploads: Uploads,
        faults: UploadFaults,
        tokens: AccessTokens,
        origin: str,
        clock: Callable[[], float],
    ) -> None:
        self._uploads = uploads
        self._faults = faults
        self._tokens = tokens
        self._origin = origin
        self._clock = clock

    def handle(self, request: Request, fault: UploadFault | None = None) -> Answer:
        """Answer one call; `fault` is for uploads only."""
        method, path = request.method, request.path
        if path in {"/3/image", "/3/upload"} and method == "POST":
            return self._upload(request, fault)
        if path == "/oauth2/token" and method == "POST":
            return self._refresh(request)
        if path.startswith(_DELETE_PATH) and method == "DELETE":
            return self._unauthorized(request) or self._delete(request)
        if path == "/3/credits" and method in {"GET", "HEAD"}:
            return self._unauthorized(request) or say.credits_left()
        return say.error(request, HTTPStatus.NOT_FOUND, "Unable to find such an endpoint")

    # --- authorization ----------------------------------------------------------------------------

    def _unauthorized(self, request: Request) -> Response | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        value = value.strip()
        if scheme.lower() == "client-id" and value:
            return None
        if scheme.lower() != "bearer" or not value:
            return say.error(request, HTTPStatus.UNAUTHORIZED, "Authentication required")
        match self._tokens.check(value):
            case Validity.VALID:
                return None
            case Validity.EXPIRED:
                message = "The access token provided has expired."
                return say.error(request, HTTPStatus.UNAUTHORIZED, message)
            case Validity.UNKNOWN:
                message = "The access token provided is invalid."
                return say.error(request, HTTPStatus.FORBIDDEN, message)

    def _refresh(self, request: Request) -> Response:
        fields = _fields(request)
        wanted = {"client_id", "client_secret", "refresh_token", "grant_type"}
        if not all(fields.get(name) for name in wanted):
            message = "The required fields are: " + ", ".join(sorted(wanted))
            return say.error(request, HTTPStatus.BAD_REQUEST, message)
        if fields["grant_type"] != "refresh_token":
            return say.error(request, HTTPStatus.BAD_REQUEST, "Invalid grant_type parameter")
        if not fields["refresh_token"].startswith(REFRESH_PREFIX):
            return say.error(request, HTTPStatus.BAD_REQUEST, "Invalid refresh token")
        return json_response(
            HTTPStatus.OK,
            {
                "access_token": self._tokens.issue(),
                "expires_in": self._tokens.seconds,
                "token_type": "bearer",
                "scope": "",
                "refresh_token": fields["refresh_token"],
                "account_id": _ACCOUNT_ID,
                "account_username": "sandbox",
            },
            say.rate_headers(),
        )

    # --- images -----------------------------------------------------------------------------------

    def _upload(self, request: Request, fault: UploadFault | None) -> Answer:
        self._uploads.attempts += 1
        if fault is not None and self._faults.applies(fault, b""):
            return fault.answer(request, lambda: self._take(request))
        return self._take(request)

    def _take(self, request: Request) -> Answer:
        refusal = self._unauthorized(request)
        if refusal is not None:
            return refusal
        form = parse_multipart(request.headers.get("content-type", ""), request.body)
        image = _image(request, form)
        if isinstance(image, Response):
            return image
        header = read_header(image)
        if header is None:
            status, message = HTTPStatus.BAD_REQUEST, "File type invalid (1)"
            return say.error_object(request, status, _FILE_TYPE_INVALID, message)
        digest = hashlib.sha256(image).digest()
        name, fault = _inscription(image)

        def genuine() -> Response:
            upload = self._uploads.add(image, digest, header, name)
            return self._told(request, form, upload, header)

        if fault is not None and self._faults.applies(fault, digest):
            return fault.answer(request, genuine)
        return genuine()

    def _told(
        self, request: Request, form: dict[str, Part], upload: Upload, header: ImageHeader
    ) -> Response:
        """What Imgur tells of a new image, all its fields in their usual order."""
        of_account = request.headers["authorization"][:6].lower() == "bearer"
        return say.success(
            {
                "id": upload.image_id,
                "title": _text(form, "title"),
                "description": _text(form, "description"),
                "datetime": int(self._clock()),
                "type": upload.media_type,
                "animated": header.animated,
                "width": header.width,
                "height": header.height,
                "size": upload.size,
                "views": 0,
                "bandwidth": 0,
                "vote": None,
                "favorite": False,
                "nsfw": None,
                "section": None,
                "account_url": None,
                "account_id": _ACCOUNT_ID if of_account else 0,
                "is_ad": False,
                "in_most_viral": False,
                "has_sound": False,
                "tags": [],
                "ad_type": 0,
                "ad_url": "",
                "edited": "0",
                "in_gallery": False,
                "deletehash": upload.deletehash,
                "name": "",
                "link": upload.link(request.base_url(self._origin)),
            }
        )

    def _delete(self, request: Request) -> Response:
        if self._uploads.delete(request.path.removeprefix(_DELETE_PATH)):
            return say.success(data=True)
        return say.error(request, HTTPStatus.NOT_FOUND, "Unable to find an image with this hash")


def _image(request: Request, form: dict[str, Part]) -> bytes | Response:
    """The bytes that were sent, or the answer that refuses them."""
    part = form.get("image")
    if part is None or part.filename is None:
        return _not_a_file(request, form)
    if not part.data:
        return say.error(request, HTTPStatus.BAD_REQUEST, "No image data was sent")
    if len(part.data) > MAX_IMAGE_BYTES:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return say.error(request, status, "file is over the size limit")
    return part.data


def _not_a_file(request: Request, form: dict[str, Part]) -> Response:
    part = form.get("image")
    kind = form["type"].text().lower() if "type" in form else ""
    if kind == "url" or (part is not None and part.text().lower().startswith("http")):
        # the one thing that the service must never do, so it must not pass unseen
        log_event("upload by link refused", level="error", path=request.path)
        message = "The sandbox refuses uploads by link: send the image itself."
        return say.error(request, HTTPStatus.BAD_REQUEST, message)
    message = "The sandbox takes an image as the file of a multipart form, in the field image."
    return say.error(request, HTTPStatus.BAD_REQUEST, message)


def _inscription(image: bytes) -> tuple[str | None, UploadFault | None]:
    """The name, and the fault asked for, in the comment of an image of the gallery."""
    at = image.find(_MARK, 0, _MARK_WITHIN)
    match = _INSCRIPTION.match(image, at + len(_MARK)) if at >= 0 else None
    if match is None:
        return None, None
    fault = None if match[2] is None else parse_upload_fault(match[2].decode("ascii"))
    return match[1].decode("ascii"), fault


def _text(form: dict[str, Part], name: str) -> str | None:
    return form[name].text() if name in form else None


def _fields(request: Request) -> dict[str, str]:
    """The fields of a form or of a JSON object."""
    kind = request.headers.get("content-type", "").lower()
    if kind.startswith("multipart/form-data"):
        form = parse_multipart(request.headers["content-type"], request.body)
        return {name: part.text() for name, part in form.items()}
    if "json" not in kind:
        return parse_form(request.body.decode("latin-1"))
    try:
        content = json.loads(request.body)
    except ValueError:
        return {}
    return (
        {name: str(value) for name, value in content.items()} if isinstance(content, dict) else {}
    )
