"""Routes each request to the part that answers it."""

import re
import secrets
import time
from collections import Counter
from collections.abc import Callable

from aiohttp import web

from sandbox import faults, gallery, images
from sandbox.albums import Albums
from sandbox.faults import Source
from sandbox.imgur_answers import KINDS, Call, UploadFault, parse_upload_fault
from sandbox.imgur_api import ImgurApi
from sandbox.raw_response import LABEL
from sandbox.uploads import Uploads

MAX_BODY_BYTES = 25_000_000
_READING = ("GET", "HEAD")
_CHANGING = {"/sandbox/imgur": ("PUT", "DELETE"), "/sandbox/uploads": ("DELETE",)}
_DISTINCT = re.compile(
    r"numbered/(?P<numbered>[0-9A-Za-z_.-]{1,80}\.(?:png|jpg|gif))"
    r"|imgur-fault/(?P<fault>[0-9a-z~-]{1,60})(?:/(?P<key>[0-9A-Za-z_-]{1,60}))?\.(?:png|jpg|gif)"
)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Application:
    """The sandbox's application; the `key` allows listing and deleting all uploads."""

    def __init__(
        self, origin: str, key: str, token_seconds: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._origin, self._key = origin, key
        self._uploads = Uploads()
        self._counts: faults.Counts = Counter()
        self._fault: UploadFault | None = None  # of all uploads
        self._albums = Albums(self._uploads)
        self._imgur = ImgurApi(self._uploads, self._albums, self._counts, token_seconds, clock)

    def make_web(self) -> web.Application:
        made = web.Application(client_max_size=MAX_BODY_BYTES, client_max_fields=0)
        made.router.add_route("*", r"/{path:[\s\S]*}", self._handle)
        made.on_response_prepare.append(_label)
        return made

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES, request.content_length or 0)
        path, fault = request.path, request.headers.get("X-Sandbox-Fault")
        if fault is not None and not path.startswith("/faults/"):
            path = f"/faults/{fault.strip('/ ')}{path}"
        return await self._respond(request, path)

    async def _respond(self, request: web.Request, path: str) -> web.StreamResponse:
        if path.startswith(("/3/", "/oauth2/")):
            return await self._imgur.respond(self._call(request, path), self._fault)
        if path.startswith("/faults/imgur/"):
            return await self._fail_upload(request, path)
        if path.startswith("/faults/"):
            return await faults.respond(Source(request, path, self._respond, self._counts))
        if path not in ("/", "/images") and not path.startswith(("/images/", "/sandbox/")):
            raise web.HTTPNotFound(text="There is no such thing here; see the gallery at /.\n")
        methods = (*_READING, *_CHANGING.get(path, ()))
        if request.method not in methods:
            raise web.HTTPMethodNotAllowed(request.method, methods)
        return self._manage(request, path) if path in _CHANGING else self._show(request, path)

    async def _fail_upload(self, request: web.Request, path: str) -> web.StreamResponse:
        name, slash, rest = path.removeprefix("/faults/imgur/").partition("/")
        fault = parse_upload_fault(name)
        if fault is None:
            raise web.HTTPNotFound(text="There is no such fault of Imgur's; see the gallery.\n")
        return await self._imgur.respond(self._call(request, slash + rest), fault)

    def _call(self, request: web.Request, path: str) -> Call:
        return Call(request, path, self._base_url(request))

    def _manage(self, request: web.Request, path: str) -> web.Response:
        """List the uploads, or with DELETE reset all state. Show the fault of all uploads, set it
        (PUT with ``?fault=403-capacity``), or remove it (DELETE). All that needs the key.
        """
        if not secrets.compare_digest(request.query.get("key", "").encode(), self._key.encode()):
            message = "This needs a key: the link with the key is in the log of the sandbox.\n"
            raise web.HTTPForbidden(text=message)
        if path == "/sandbox/uploads":
            if request.method == "DELETE":
                self._uploads.reset()
                self._albums.items.clear()
                self._counts.clear()
            base = self._base_url(request)
            listing = self._uploads.listing(base) | {"albums": self._albums.listing(base)}
            return web.json_response(listing)
        if request.method == "DELETE":
            self._fault = None
        elif request.method == "PUT":
            self._fault = parse_upload_fault(request.query.get("fault", ""))
            if self._fault is None:
                raise web.HTTPBadRequest(text=f"The faults are {', '.join(KINDS)}.\n")
        return web.json_response({"fault": self._fault and self._fault.text})

    def _show(self, request: web.Request, path: str) -> web.Response:
        base = self._base_url(request)
        match path:
            case "/":
                return gallery.page(base)
            case "/images":
                return web.json_response(gallery.listing(base))
            case "/sandbox/health":
                return web.json_response({"status": "ok", "count": self._uploads.count})
        if path.startswith("/images/"):
            return _image(path.removeprefix("/images/"), request.query.get("bytes", "0"))
        if path.startswith("/sandbox/a/"):
            album = self._albums.of_id(path.removeprefix("/sandbox/a/"))
            if album is None:
                raise web.HTTPNotFound(text="There is no such album; it may have been deleted.\n")
            return gallery.album_page(album, self._albums.uploads_of(album), base)
        return self._uploads.serve(path.removeprefix("/sandbox/"))

    def _base_url(self, request: web.Request) -> str:
        """Return the address that the client used, or the own address without a valid one.

        A name of Imgur's is not repeated: no link may look like one of the real Imgur.
        """
        host = request.headers.get("Host", "")
        usable = _HOST.fullmatch(host) and "imgur" not in host.lower()
        return f"http://{host}" if usable else self._origin


async def _label(_request: web.Request, response: web.StreamResponse) -> None:
    """Mark each response, so that it is not mistaken for one of the real Imgur."""
    response.headers.update(LABEL)


def _image(name: str, size: str) -> web.Response:
    if name in images.ACCEPTED_NAMES or name in images.REFUSED_NAMES:
        return images.respond(images.load(name))
    if not re.fullmatch(r"[0-9]{1,9}", size):
        raise web.HTTPBadRequest(text="The parameter bytes must be a number.\n")
    match = _DISTINCT.fullmatch(name)
    fault = match and match["fault"]
    if match is None or (fault and parse_upload_fault(fault) is None):
        raise web.HTTPNotFound(text="There is no such image; the gallery at / shows all.\n")
    text = f"fault {fault} {match['key'] or ''}".rstrip() if fault else match["numbered"]
    return images.respond(images.inscribe(name.rpartition(".")[2], text, pad_to=int(size)))
