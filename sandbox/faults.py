"""Faults of sources of images, selected by the path: ``/faults/status/503``.

The rest of the path is the source behind the fault; by default a small sample.
"""

import asyncio
import gzip
import io
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from sandbox import images
from sandbox.raw_response import RawResponse, body_of, encode_head

PREFIX = "/faults/"
_MAX_DEPTH = 8  # faults behind each other in one path
_MAX_KEYS = 100_000
_TOO_LARGE_BYTES = 21_500_000  # beyond 20 MB, whether a megabyte is decimal or binary
_PIECE_BYTES = 128 * 1024
_ENDLESS_PAUSE_SECONDS = 0.002
_HTML = b"<!doctype html><title>Not an image</title><p>This is a page and not an image.\n"

Respond = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
Counts = Counter[Hashable]  # number of requests for each fault
Act = Callable[..., Awaitable[web.StreamResponse]]


def count(counts: Counts, key: Hashable) -> int:
    """Count a request for `key`, and return the number of them; bounded, so not for ever."""
    if len(counts) >= _MAX_KEYS:
        counts.clear()
    counts[key] += 1
    return counts[key]


class Source(NamedTuple):
    request: web.Request
    path: str
    respond_for: Respond
    counts: Counts

    async def respond(self) -> web.StreamResponse:
        path = self.path if len(self.path) > 1 else "/images/small.png"
        return await self.respond_for(self.request, path)

    async def image(self) -> web.Response:
        """Return its response if that is an image, else the small sample."""
        response = await self.respond()
        if isinstance(response, web.Response) and response.status == 200:  # noqa: PLR2004 - OK
            return response
        return images.respond(images.load("small.png"))

    async def encoded(self) -> tuple[bytes, bytes]:
        """Return head and body of the image; no body for HEAD."""
        image = await self.image()
        return encode_head(image), b"" if self.request.method == "HEAD" else body_of(image)


class SourceFault(NamedTuple):
    pattern: re.Pattern[str]  # of the path, up to where the source behind it begins
    example: str
    effect: str  # shown in the gallery
    act: Act  # responds, given the source and the groups of the pattern


FAULTS: list[SourceFault] = []  # filled below


async def respond(source: Source) -> web.StreamResponse:
    """Respond with the fault that the path begins with."""
    if source.path.count(PREFIX) > _MAX_DEPTH:
        raise web.HTTPBadRequest(text="There are too many faults in the path.\n")
    for fault in FAULTS:
        if match := fault.pattern.match(source.path, len(PREFIX)):
            behind = source._replace(path=source.path[match.end() :])
            return await fault.act(behind, *match.groups())
    raise web.HTTPNotFound(text="There is no such fault; the gallery at / lists all.\n")


def _fault(pattern: str, example: str, effect: str) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        compiled = re.compile(rf"{pattern}(?=/|$)", re.ASCII)
        FAULTS.append(SourceFault(compiled, PREFIX + example, effect, act))
        return act

    return add


@_fault(r"latency/(\d{1,6})", "latency/500/images/photo.jpg", "the answer comes late, by 500 ms")
async def _latency(source: Source, milliseconds: str) -> web.StreamResponse:
    await asyncio.sleep(int(milliseconds) / 1000)
    return await source.respond()


@_fault(r"status/([2-5]\d\d)", "status/503", "any status; ?retry-after=5 adds the header")
async def _status(source: Source, status: str) -> web.StreamResponse:
    wait = source.request.query.get("retry-after", "")
    headers = {"Retry-After": wait} if re.fullmatch(r"[0-9]{1,6}", wait) else None
    text = f"The sandbox responds with {status}, as in the path.\n"
    return web.Response(status=int(status), text=text, headers=headers)


@_fault("(html)", "html", "an HTML page that is labelled image/jpeg")
@_fault("(empty)", "empty", "an image of no bytes")
async def _no_image(_source: Source, how: str) -> web.StreamResponse:
    return web.Response(body=_HTML if how == "html" else b"", content_type="image/jpeg")


@_fault("gzip", "gzip", "compressed with gzip without Accept-Encoding")
async def _gzip(source: Source) -> web.StreamResponse:
    image = await source.image()
    image.body = gzip.compress(body_of(image), mtime=0)
    image.headers["Content-Encoding"] = "gzip"
    return image


@_fault("(reset)", "reset", "the connection is reset in the middle of the body")
@_fault("(short)", "short", "the body ends before its declared length")
async def _cut(source: Source, how: str) -> web.StreamResponse:
    head, body = await source.encoded()
    return RawResponse(head + body[: len(body) // 2], reset=how == "reset")


@_fault(r"(drip)(?:/(\d{1,6}))?", "drip", "a byte a second (drip/50: each 50 ms)")
@_fault(r"(drip-head)(?:/(\d{1,6}))?", "drip-head", "a byte a second from the first header on")
async def _drip(source: Source, how: str, milliseconds: str | None) -> web.StreamResponse:
    head, body = await source.encoded()
    first, slow = (head, body) if how == "drip" else (b"", head + body)
    return RawResponse(first, slow, int(milliseconds or 1000) / 1000)


@_fault("endless", "endless", "a chunked body that never ends")
async def _endless(source: Source) -> web.StreamResponse:
    image = await source.image()

    async def pieces() -> AsyncIterator[bytes]:
        yield body_of(image)
        while True:
            yield bytes(_PIECE_BYTES)
            await asyncio.sleep(_ENDLESS_PAUSE_SECONDS)

    return web.Response(body=pieces(), content_type=image.content_type)


@_fault("too-large", "too-large", "an image of more than 20 MB, honestly declared")
async def _too_large(_source: Source) -> web.StreamResponse:
    image = images.inscribe("jpg", "too-large.jpg", pad_to=_TOO_LARGE_BYTES)
    # A file is sent in pieces: a client that leaves early costs only a few.
    return web.Response(body=io.BytesIO(image.data), content_type=image.media_type)


@_fault(r"redirect/(\d{1,3})", "redirect/3/images/drawing.png", "three redirects, then the image")
async def _redirect(source: Source, hops: str) -> web.StreamResponse:
    if int(hops) == 0:
        return await source.respond()
    query = source.request.rel_url.raw_query_string
    path = f"{PREFIX}redirect/{int(hops) - 1}{quote(source.path)}"
    return _found(f"{path}?{query}" if query else path)


@_fault("redirect-loop", "redirect-loop", "redirects to itself")
async def _redirect_loop(_source: Source) -> web.StreamResponse:
    return _found(f"{PREFIX}redirect-loop")


@_fault("redirect-to", "redirect-to?url=http://169.254.169.254/", "redirects to any address")
async def _redirect_to(source: Source) -> web.StreamResponse:
    url = source.request.query.get("url", "")
    if not url or not url.isprintable():
        raise web.HTTPBadRequest(text="The parameter url must be the target.\n")
    return _found(url)


@_fault(r"flaky/(\d{1,3})/([^/]{1,100})", "flaky/2/some-key", "503 the first two times, by key")
async def _flaky(source: Source, times: str, key: str) -> web.StreamResponse:
    if count(source.counts, key) > int(times):
        return await source.respond()
    raise web.HTTPServiceUnavailable(text="This flaky source fails a few times first.\n")


def _found(location: str) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": location})
