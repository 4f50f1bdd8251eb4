"""Leads each request to the part that answers it."""

import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from sandbox import gallery
from sandbox.access_tokens import AccessTokens
from sandbox.answers import Answer
from sandbox.faults import SourceFaults
from sandbox.gallery_page import page
from sandbox.http_message import Request, Response, json_response, problem
from sandbox.imgur_api import ImgurApi
from sandbox.imgur_faults import UploadFaults, parse_upload_fault
from sandbox.uploads import Uploads

FAULT_HEADER = "x-sandbox-fault"
_FAULTS = "/faults/"
_IMGUR_FAULTS = "/faults/imgur/"


class Application:
    """Everything the sandbox answers, without the network.

    Args:
        origin: where the sandbox is reached, for clients that name no host.
        token_seconds: how long access tokens are valid.
        clock: seconds since the epoch.
    """

    def __init__(
        self, origin: str, *, token_seconds: int = 3600, clock: Callable[[], float] = time.time
    ) -> None:
        self._origin = origin
        self._uploads = Uploads()
        self._upload_faults = UploadFaults()
        self._api = ImgurApi(
            self._uploads, self._upload_faults, AccessTokens(token_seconds, clock), origin, clock
        )
        self._source_faults = SourceFaults(self._route)
        self._routes: tuple[tuple[str, Callable[[Request], Answer]], ...] = (
            ("/images/", lambda request: _reading(request, lambda: gallery.image(request))),
            ("/3/", self._api.handle),
            ("/oauth2/", self._api.handle),
            (_IMGUR_FAULTS, self._with_upload_fault),
            (_FAULTS, self._source_faults.answer),
            ("/sandbox/", self._own),
        )

    def handle(self, request: Request) -> Answer:
        """Answer one request.

        Raises:
            RequestError: the request cannot be understood.
        """
        fault = request.headers.get(FAULT_HEADER)
        if fault is not None and not request.path.startswith(_FAULTS):
            request = replace(request, path=f"{_FAULTS}{fault.strip('/ ')}{request.path}")
        return self._route(request)

    def _route(self, request: Request) -> Answer:
        for prefix, answer in self._routes:
            if request.path.startswith(prefix):
                return answer(request)
        if request.path in {"/", "/images"}:
            base = request.base_url(self._origin)
            show = page if request.path == "/" else gallery.listing
            return _reading(request, lambda: show(base))
        return problem(HTTPStatus.NOT_FOUND, "There is no such thing here; see the gallery at /.")

    def _with_upload_fault(self, request: Request) -> Answer:
        name, slash, rest = request.path[len(_IMGUR_FAULTS) :].partition("/")
        fault = parse_upload_fault(name)
        if fault is None:
            return problem(
                HTTPStatus.NOT_FOUND, "There is no such fault of Imgur's; see the gallery at /."
            )
        return self._api.handle(replace(request, path=slash + rest), fault)

    def _own(self, request: Request) -> Answer:
        """What tests ask about the sandbox itself, and the images that were uploaded."""
        name = request.path.removeprefix("/sandbox/")
        if name == "uploads" and request.method == "DELETE":
            self._uploads.forget_all()
            self._upload_faults.forget_all()
            self._source_faults.forget_all()
            return json_response(HTTPStatus.OK, {"count": 0})
        if name == "uploads":
            base = request.base_url(self._origin)
            return _reading(request, lambda: self._uploads.listing(request.query, base))
        if name == "health":
            health = {"status": "ok", "count": self._uploads.count}
            return _reading(request, lambda: json_response(HTTPStatus.OK, health))
        return _reading(request, lambda: self._uploads.serve(name))


def _reading(request: Request, answer: Callable[[], Answer]) -> Answer:
    if request.method in {"GET", "HEAD"}:
        return answer()
    return Response(
        HTTPStatus.METHOD_NOT_ALLOWED,
        b"Only GET and HEAD can be used here.\n",
        "text/plain; charset=utf-8",
        (("Allow", "GET, HEAD"),),
    )
