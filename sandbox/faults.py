"""The ways in which sources of images fail, selected by the path: ``/faults/status/503``.

What follows the fault in the path is the source behind it; without any it is a small sample.
"""

import asyncio
import gzip
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox import images
from sandbox.answers import Answer, Performance, Wire, delayed, dripped, reset_after
from sandbox.http_message import Request, RequestError, Response, head_of, problem

if TYPE_CHECKING:
    from re import Match

PREFIX = "/faults/"
_DEFAULT_SOURCE = "/images/small.png"
_MAX_DEPTH = 8  # faults behind each other in one path
_MAX_KEYS = 10_000
_DRIP_MILLISECONDS = 1000
_TOO_LARGE_BYTES = 21_500_000  # beyond 20 MB, whether a megabyte is decimal or binary
_PIECE = 128 * 1024
_ENDLESS_PAUSE_SECONDS = 0.002
_HTML = b"<!doctype html><title>Not an image</title><p>This is a page, whatever its label says.\n"
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class SourceFault:
    """One way to fail.

    Attributes:
        pattern: matches the path behind ``/faults/``, up to where the source behind it begins.
        example: a path that shows it.
        effect: what a person reads in the gallery.
        act: makes the answer from the match and the request for the source behind the fault.
    """

    pattern: "re.Pattern[str]"
    example: str
    effect: str
    act: "Callable[[SourceFaults, Match[str], Request], Answer]"


class SourceFaults:
    """Answers what is below ``/faults/``, those of Imgur's own excepted.

    Args:
        serve: answers the request for the source behind a fault.
    """

    def __init__(self, serve: Callable[[Request], Answer]) -> None:
        self._serve = serve
        self._seen: OrderedDict[str, int] = OrderedDict()

    def answer(self, request: Request) -> Answer:
        """Answer with the fault that the path names.

        Raises:
            RequestError: too many faults stand behind each other.
        """
        if request.path.count(PREFIX) > _MAX_DEPTH:
            raise RequestError(HTTPStatus.BAD_REQUEST, "There are too many faults in the path.")
        wanted = request.path[len(PREFIX) :]
        for fault in FAULTS:
            match = fault.pattern.match(wanted)
            if match is not None:
                return fault.act(self, match, replace(request, path=wanted[match.end() :]))
        return problem(HTTPStatus.NOT_FOUND, "There is no such fault; the gallery at / lists all.")

    def forget_all(self) -> None:
        """Make every flaky source fail afresh."""
        self._seen.clear()

    def source(self, behind: Request) -> Answer:
        """The source behind a fault."""
        path = behind.path if len(behind.path) > 1 else _DEFAULT_SOURCE
        return self._serve(replace(behind, path=path))

    def image(self, behind: Request) -> Response:
        """The source behind a fault if it is at hand, else the small sample."""
        answer = self.source(behind)
        if isinstance(answer, Response) and answer.status == HTTPStatus.OK:
            return answer
        sample = images.named("small.png")
        return Response(HTTPStatus.OK, sample.data, sample.media_type)

    def count(self, key: str) -> int:
        """How often `key` was asked for, this time included."""
        seen = self._seen.pop(key, 0) + 1
        self._seen[key] = seen
        if len(self._seen) > _MAX_KEYS:
            self._seen.popitem(last=False)
        return seen


# --- the faults ----------------------------------------------------------------------------------


def _latency(faults: SourceFaults, match: "Match[str]", behind: Request) -> Answer:
    return delayed(int(match[1]) / 1000, faults.source(behind))


def _status(_faults: SourceFaults, match: "Match[str]", behind: Request) -> Answer:
    status = int(match[1])
    if status in _NO_BODY:
        head = head_of(status, ())
        return Performance(lambda wire: wire.send(head))
    wait = behind.query.get("retry-after", "")
    headers = (("Retry-After", wait),) if re.fullmatch(r"[0-9]{1,6}", wait) else ()
    text = f"The sandbox answers {status}, as the path wants it.\n".encode()
    return Response(status, text, "text/plain; charset=utf-8", headers)


def _html(_faults: SourceFaults, _match: "Match[str]", _behind: Request) -> Answer:
    return Response(HTTPStatus.OK, _HTML, "image/jpeg")


def _empty(_faults: SourceFaults, _match: "Match[str]", _behind: Request) -> Answer:
    return Response(HTTPStatus.OK, b"", "image/png")


def _gzip(faults: SourceFaults, _match: "Match[str]", behind: Request) -> Answer:
    image = faults.image(behind)
    packed = gzip.compress(image.body, mtime=0)
    headers = (("Content-Encoding", "gzip"),)
    return Response(HTTPStatus.OK, packed, image.media_type, headers)


def _reset(faults: SourceFaults, _match: "Match[str]", behind: Request) -> Answer:
    whole = _encoded(faults.image(behind), behind)
    return reset_after(b"".join([whole[0], whole[1][: len(whole[1]) // 2]]))


def _short(faults: SourceFaults, _match: "Match[str]", behind: Request) -> Answer:
    head, body = _encoded(faults.image(behind), behind)
    half = head + body[: len(body) // 2]
    return Performance(lambda wire: wire.send(half))


def _drip(faults: SourceFaults, match: "Match[str]", behind: Request) -> Answer:
    head, body = _encoded(faults.image(behind), behind)
    return dripped(body, int(match[1] or _DRIP_MILLISECONDS) / 1000, first=head)


def _drip_head(faults: SourceFaults, match: "Match[str]", behind: Request) -> Answer:
    head, body = _encoded(faults.image(behind), behind)
    return dripped(head + body, int(match[1] or _DRIP_MILLISECONDS) / 1000)


def _endless(faults: SourceFaults, _match: "Match[str]", behind: Request) -> Answer:
    image = faults.image(behind)
    headers = (("Content-Type", image.media_type), ("Transfer-Encoding", "chunked"))
    head = head_of(HTTPStatus.OK, headers)
    chunk = b"%x\r\n%s\r\n" % (_PIECE, bytes(_PIECE))

    async def play(wire: Wire) -> None:
        await wire.send(head)
        if behind.method == "HEAD":
            return
        await wire.send(b"%x\r\n%s\r\n" % (len(image.body), image.body))
        while True:
            await wire.send(chunk)
            await asyncio.sleep(_ENDLESS_PAUSE_SECONDS)

    return Performance(play)


def _too_large(_faults: SourceFaults, _match: "Match[str]", behind: Request) -> Answer:
    image = images.inscribed("jpg", f"{images.INSCRIPTION}too-large.jpg", pad_to=_TOO_LARGE_BYTES)
    head, body = _encoded(Response(HTTPStatus.OK, image.data, image.media_type), behind)

    async def play(wire: Wire) -> None:
        await wire.send(head)
        for at in range(0, len(body), _PIECE):  # nobody who leaves early costs all of it
            await wire.send(body[at : at + _PIECE])

    return Performance(play)


def _redirect(faults: SourceFaults, match: "Match[str]", behind: Request) -> Answer:
    hops = int(match[1])
    if hops == 0:
        return faults.source(behind)
    return _found(f"{PREFIX}redirect/{hops - 1}{quote(behind.path)}")


def _redirect_loop(_faults: SourceFaults, _match: "Match[str]", _behind: Request) -> Answer:
    return _found(f"{PREFIX}redirect-loop")


def _redirect_to(_faults: SourceFaults, _match: "Match[str]", behind: Request) -> Answer:
    url = behind.query.get("url", "")
    if not url or not url.isprintable():
        return problem(HTTPStatus.BAD_REQUEST, "The parameter url must say where to redirect to.")
    return _found(url)


def _flaky(faults: SourceFaults, match: "Match[str]", behind: Request) -> Answer:
    if faults.count(match[2]) > int(match[1]):
        return faults.source(behind)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "This flaky source fails a few times first.")


def _found(location: str) -> Response:
    return Response(HTTPStatus.FOUND, headers=(("Location", location),))


def _encoded(response: Response, request: Request) -> tuple[bytes, bytes]:
    """Head and body, the body empty if only the head was asked for."""
    head = response.encode(keep_alive=False, with_body=False)
    return head, b"" if request.method == "HEAD" else response.body


def _fault(
    pattern: str,
    example: str,
    effect: str,
    act: "Callable[[SourceFaults, Match[str], Request], Answer]",
) -> SourceFault:
    return SourceFault(re.compile(rf"{pattern}(?=/|$)", re.ASCII), example, effect, act)


FAULTS = (
    _fault(
        r"latency/(\d{1,6})",
        "latency/500/images/photo.jpg",
        "the answer comes late, by 500 ms",
        _latency,
    ),
    _fault(
        r"status/([2-5]\d\d)", "status/503", "any status; ?retry-after=5 adds the header", _status
    ),
    _fault("html", "html", "an HTML page that is labelled image/jpeg", _html),
    _fault("empty", "empty", "an image of no bytes", _empty),
    _fault("gzip", "gzip", "compressed with gzip, though nobody asked for it", _gzip),
    _fault("reset", "reset", "the connection is reset in the middle of the body", _reset),
    _fault("short", "short", "the body ends before its declared length", _short),
    _fault(r"drip(?:/(\d{1,6}))?", "drip", "a byte a second (drip/50: each 50 ms)", _drip),
    _fault(
        r"drip-head(?:/(\d{1,6}))?",
        "drip-head",
        "a byte a second from the first header on",
        _drip_head,
    ),
    _fault("endless", "endless", "a chunked body that never ends", _endless),
    _fault("too-large", "too-large", "an image of more than 20 MB, honestly declared", _too_large),
    _fault(
        r"redirect/(\d{1,3})",
        "redirect/3/images/drawing.png",
        "three redirects, then the image",
        _redirect,
    ),
    _fault("redirect-loop", "redirect-loop", "redirects to itself", _redirect_loop),
    _fault(
        "redirect-to",
        "redirect-to?url=http://169.254.169.254/",
        "redirects to any address",
        _redirect_to,
    ),
    _fault(
        r"flaky/(\d{1,3})/([^/]{1,100})",
        "flaky/2/some-key/images/small.png",
        "503 the first two times, by key",
        _flaky,
    ),
)
