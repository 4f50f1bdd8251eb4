"""The ways in which uploads to Imgur fail, each as it was seen, by name.

A name may end in ``-5``, seconds until an allowance is whole again (milliseconds for a latency and
a drip), and in ``~2``: only the first two uploads meet the fault.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.answers import Answer, delayed, dripped, reset_after
from sandbox.http_message import Request, Response
from sandbox.imgur_answers import (
    error,
    error_list,
    error_object,
    html_page,
    rate_headers,
    success,
)

Genuine = Callable[[], Answer]
_MAX_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One way to fail.

    Attributes:
        name: selects it.
        effect: what a person reads in the gallery.
        act: makes the answer from the request, the amount in the name and the genuine upload.
        amount: what counts if the name gives none; None if it cannot give one.
        passes: whether another try makes sense.
    """

    name: str
    effect: str
    act: Callable[[Request, int, Genuine], Answer]
    amount: int | None = None
    passes: bool = False


@dataclass(frozen=True, slots=True)
class UploadFault:
    """A fault as it was asked for.

    Attributes:
        text: how it was asked for.
        kind: the way to fail.
        amount: seconds or milliseconds, as the kind has it.
        first: how many uploads meet it; None for all.
    """

    text: str
    kind: FaultKind
    amount: int
    first: int | None

    def answer(self, request: Request, genuine: Genuine) -> Answer:
        """Answer an upload; `genuine` does what would have been done without the fault."""
        return self.kind.act(request, self.amount, genuine)


class UploadFaults:
    """Counts the uploads that met each fault, for faults that end after the first few."""

    def __init__(self) -> None:
        self._met: Counter[tuple[str, bytes]] = Counter()

    def applies(self, fault: UploadFault, scope: bytes) -> bool:
        """Whether the next upload within `scope`, an image's digest or b"" for all, meets it."""
        if fault.first is None:
            return True
        key = (fault.text, scope)
        if self._met[key] >= fault.first:
            return False
        if len(self._met) >= _MAX_COUNTED:
            self._met.clear()
        self._met[key] += 1
        return True

    def forget_all(self) -> None:
        self._met.clear()


def parse_upload_fault(text: str) -> UploadFault | None:
    """Read a name such as ``429-object-5~2``; None if there is no such fault."""
    bare, _, first = text.partition("~")
    kind, amount = KINDS.get(bare), None
    if kind is None:
        bare, _, amount = bare.rpartition("-")
        kind = KINDS.get(bare)
        if kind is None or kind.amount is None:
            return None
    if not _is_number(amount) or not _is_number(first or None):
        return None
    default = kind.amount or 0
    return UploadFault(
        text, kind, default if amount is None else int(amount), int(first) if first else None
    )


def _is_number(text: str | None) -> bool:
    return text is None or re.fullmatch(r"[0-9]{1,6}", text) is not None


# --- the answers ---------------------------------------------------------------------------------


def _latency(_request: Request, milliseconds: int, genuine: Genuine) -> Answer:
    return delayed(milliseconds / 1000, genuine())


def _drip(request: Request, milliseconds: int, genuine: Genuine) -> Answer:
    answer = genuine()
    if not isinstance(answer, Response):
        return answer
    whole = answer.encode(keep_alive=request.keep_alive)
    head = len(whole) - len(answer.body)
    return dripped(whole[head:], milliseconds / 1000, first=whole[:head])


def _reset(_request: Request, _amount: int, _genuine: Genuine) -> Answer:
    return reset_after(b"")


def _limit_string(request: Request, seconds: int, _genuine: Genuine) -> Answer:
    headers = rate_headers(0, seconds)
    return error(request, 429, "Daily client requests exceeded", headers)


def _limit_object(request: Request, seconds: int, _genuine: Genuine) -> Answer:
    # In whole minutes at Imgur; a test has less patience.
    left = f"{seconds} more seconds" if seconds < 60 else f"{-(-seconds // 60)} more minutes"  # noqa: PLR2004 - a minute
    message = f"You are uploading too fast. Please wait {left}."
    return error_object(request, 429, 429, message, rate_headers(0, seconds))


def _limit_errors(_request: Request, seconds: int, _genuine: Genuine) -> Answer:
    return error_list(429, "Too Many Requests", rate_headers(0, seconds))


def _limit_html(_request: Request, seconds: int, _genuine: Genuine) -> Answer:
    return html_page(429, "Imgur is over capacity!", rate_headers(0, seconds))


def _too_fast(request: Request, seconds: int, _genuine: Genuine) -> Answer:
    return error(request, 400, "Uploading file too fast!", rate_headers(0, seconds))


def _no_link(_request: Request, _amount: int, _genuine: Genuine) -> Answer:
    return success({"id": None, "deletehash": None, "type": "image/png"})


def _says(status: int, message: str) -> Callable[[Request, int, Genuine], Answer]:
    return lambda request, _amount, _genuine: error(request, status, message)


def _says_object(status: int, code: int, message: str) -> Callable[[Request, int, Genuine], Answer]:
    return lambda request, _amount, _genuine: error_object(request, status, code, message)


def _always(answer: Answer) -> Callable[[Request, int, Genuine], Answer]:
    return lambda _request, _amount, _genuine: answer


_OVER_CAPACITY = "Imgur is temporarily over capacity. Please try again later."

KINDS = {
    kind.name: kind
    for kind in (
        FaultKind("latency", "a late answer (the number: ms)", _latency, 1000),
        FaultKind("429-string", "429, the error a string", _limit_string, 1, passes=True),
        FaultKind("429-object", "429, the error an object", _limit_object, 1, passes=True),
        FaultKind("429-errors", "429 in the shape of 2024", _limit_errors, 1, passes=True),
        FaultKind("429-html", "429 with an HTML page", _limit_html, 1, passes=True),
        FaultKind("too-fast-400", "a rate limit that comes as 400", _too_fast, 1, passes=True),
        FaultKind("403-capacity", "403, over capacity", _says(403, _OVER_CAPACITY), passes=True),
        FaultKind(
            "403-forbidden",
            "403, this action is forbidden",
            _says(403, "These actions are forbidden."),
        ),
        FaultKind(
            "400-forbidden", "the same told as 400", _says(400, "These actions are forbidden.")
        ),
        FaultKind("401", "the token is not taken", _says(401, "Authentication required")),
        FaultKind("500", "500", _says(500, "Internal server error"), passes=True),
        FaultKind(
            "502-html",
            "502 with an HTML page",
            _always(html_page(502, "502 Bad Gateway")),
            passes=True,
        ),
        FaultKind("503", "503, over capacity", _says(503, _OVER_CAPACITY), passes=True),
        FaultKind("reset", "the connection is reset", _reset, passes=True),
        FaultKind("drip", "the answer drips (the number: ms a byte)", _drip, 1000, passes=True),
        FaultKind(
            "bad-json",
            "200, but the JSON breaks off",
            _always(Response(200, b'{"data":{"id":"sbx-')),
            passes=True,
        ),
        FaultKind(
            "html-200",
            "200 with an HTML page",
            _always(html_page(200, "Imgur: The magic of the Internet")),
            passes=True,
        ),
        FaultKind("no-link", "200, but no link in it", _no_link, passes=True),
        FaultKind(
            "file-type-invalid",
            "the type is refused",
            _says_object(400, 1003, "File type invalid (1)"),
        ),
    )
}
