"""The sources of images: named samples, numbered ones, and those whose upload fails."""

import asyncio
import functools
import re
from http import HTTPStatus

from sandbox import images
from sandbox.answers import Answer, Later
from sandbox.faults import FAULTS, PREFIX
from sandbox.http_message import Request, RequestError, Response, json_response, problem
from sandbox.images import SampleImage
from sandbox.imgur_faults import KINDS, parse_upload_fault

_IMAGES = "/images/"
_NUMBERED = "numbered/"
_IMGUR_FAULT = re.compile(r"imgur-fault/([0-9a-z~-]{1,60})(/[0-9A-Za-z_-]{1,60})?\.(png|jpg|gif)")
_HEADERS = (("Cache-Control", "public, max-age=3600"), ("X-Content-Type-Options", "nosniff"))
_drawn: dict[str, Response] = {}


def image(request: Request) -> Answer:
    """Answer a request below ``/images/``.

    Raises:
        RequestError: ``?bytes=`` is no number.
    """
    name = request.path[len(_IMAGES) :]
    if name.startswith(_NUMBERED):
        sample = images.numbered(name[len(_NUMBERED) :], pad_to=_pad_to(request))
        return _not_here() if sample is None else _response(sample)
    if name in _drawn:
        return _drawn[name]
    if name in images.ACCEPTED_NAMES or name in images.REFUSED_NAMES:
        return Later(functools.partial(_draw, name))
    match = _IMGUR_FAULT.fullmatch(name)
    if match is None or parse_upload_fault(match[1]) is None:
        return _not_here()
    key = (match[2] or "").replace("/", " ")
    text = f"{images.INSCRIPTION}fault {match[1]}{key}"
    return _response(images.inscribed(match[3], text, pad_to=_pad_to(request)))


def listing(base: str) -> Response:
    """Everything there is, as absolute URLs."""
    return json_response(
        HTTPStatus.OK,
        {
            "images": [f"{base}{_IMAGES}{name}" for name in images.ACCEPTED_NAMES],
            "refused": [f"{base}{_IMAGES}{name}" for name in images.REFUSED_NAMES],
            "numbered": f"{base}{_IMAGES}{_NUMBERED}17.png",
            "faults": [
                {"url": base + path, "effect": effect}
                for path, effect in [*source_faults(), *upload_faults()]
            ],
        },
    )


def source_faults() -> list[tuple[str, str]]:
    """Path and effect of each fault of a source."""
    return [(PREFIX + fault.example, fault.effect) for fault in FAULTS]


def upload_faults() -> list[tuple[str, str]]:
    """Path and effect of an image for each fault of an upload; what passes, does so after one."""
    return [
        (
            f"{_IMAGES}imgur-fault/{kind.name}{'~1' if kind.passes else ''}.png",
            f"its upload: {kind.effect}{'; the next one succeeds' if kind.passes else ''}",
        )
        for kind in KINDS.values()
    ]


async def _draw(name: str) -> Response:
    """Draw a sample aside: the larger ones take half a second, the first time."""
    sample = await asyncio.to_thread(images.named, name)
    return _drawn.setdefault(name, _response(sample))


def _response(sample: SampleImage) -> Response:
    return Response(HTTPStatus.OK, sample.data, sample.media_type, _HEADERS)


def _not_here() -> Response:
    return problem(HTTPStatus.NOT_FOUND, "There is no such image; the gallery at / shows all.")


def _pad_to(request: Request) -> int:
    text = request.query.get("bytes", "0")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise RequestError(HTTPStatus.BAD_REQUEST, "The parameter bytes must be a number.")
    return int(text)
