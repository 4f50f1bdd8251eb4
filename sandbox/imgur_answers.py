"""Imgur's answers as observed, and the faults of uploads, by name.

A name may end in ``-5``, seconds until a limit resets (milliseconds for a latency and a drip), and
in ``~2``: only the first two uploads fail.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from sandbox.faults import Counts, count
from sandbox.raw_response import RawResponse, body_of, encode_head

JsonValue = Any
Headers = Mapping[str, str]

_USER_LIMIT, _CLIENT_LIMIT, _POST_LIMIT = 2000, 12_500, 1250
_HOUR_SECONDS, _DAY_SECONDS = 3600, 86_400


class Call(NamedTuple):
    """A call of the API: its path without the fault, and the base URL of links."""

    request: web.Request
    path: str
    base: str

    @property
    def of_account(self) -> bool:
        """Whether the call has an access token of an account, which was checked before."""
        return self.request.headers.get("Authorization", "")[:6].lower() == "bearer"


def rate_headers(remaining: int | None = None, reset_seconds: int = _HOUR_SECONDS) -> Headers:
    """Return the headers of every answer; resets are seconds from now, other than in the manual.

    Nearly all uploads remain if `remaining` is None. The number does not count down, so that a load
    test of 100,000 images does not reach the limit.
    """
    return {
        "X-RateLimit-UserLimit": str(_USER_LIMIT),
        "X-RateLimit-UserRemaining": str(_USER_LIMIT - 10 if remaining is None else remaining),
        "X-RateLimit-UserReset": str(reset_seconds),
        "X-RateLimit-ClientLimit": str(_CLIENT_LIMIT),
        "X-RateLimit-ClientRemaining": str(_CLIENT_LIMIT - 10),
        "X-RateLimit-ClientReset": str(_DAY_SECONDS),
        "X-Post-Rate-Limit-Limit": str(_POST_LIMIT),
        "X-Post-Rate-Limit-Remaining": str(_POST_LIMIT - 1 if remaining is None else remaining),
        "X-Post-Rate-Limit-Reset": str(reset_seconds),
    }


_USUAL: dict[str, str] = dict(rate_headers())


def success(data: JsonValue) -> web.Response:
    return reply(200, {"data": data, "success": True, "status": 200})


def error(call: Call, status: int, content: JsonValue, headers: Headers = _USUAL) -> web.Response:
    """Return an error, as a string or an `exception`."""
    data = {"error": content, "request": call.path, "method": call.request.method}
    return reply(status, {"data": data, "success": False, "status": status}, headers)


def exception(code: int, message: str) -> JsonValue:
    return {"code": code, "message": message, "type": "ImgurException", "exception": []}


INVALID_TYPE = exception(1003, "File type invalid (1)")


def error_list(_call: Call, status: int, phrase: str, headers: Headers = _USUAL) -> web.Response:
    """Return an error of Imgur's newer API (seen since 2024), without ``data``."""
    fault = {"id": "sandbox-0001", "code": str(status), "status": phrase, "detail": phrase}
    return reply(status, {"errors": [fault]}, headers)


def html_page(_: Call, status: int, heading: str, headers: Headers | None = None) -> web.Response:
    """Return a page of the servers in front of Imgur, which answer in its place."""
    text = f"<html><head><title>{heading}</title></head><body><h1>{heading}</h1></body></html>\n"
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def credits_left() -> web.Response:
    user = {"UserLimit": _USER_LIMIT, "UserRemaining": _USER_LIMIT - 10}
    client = {"ClientLimit": _CLIENT_LIMIT, "ClientRemaining": _CLIENT_LIMIT - 10}
    return success(user | {"UserReset": _HOUR_SECONDS} | client)


def token(access_token: str, seconds: int, refresh_token: str) -> web.Response:
    tokens = {"access_token": access_token, "expires_in": seconds, "token_type": "bearer"}
    account = {"account_id": 1, "account_username": "sandbox"}
    return reply(200, tokens | {"scope": "", "refresh_token": refresh_token} | account)


def reply(status: int, content: JsonValue, headers: Headers = _USUAL) -> web.Response:
    body = json.dumps(content, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


Answer = Callable[[Call, int], web.StreamResponse]
Shape = Callable[..., web.StreamResponse]  # of an error; there are four
Genuine = Callable[[], Awaitable[web.StreamResponse]]


class FaultKind(NamedTuple):
    effect: str  # shown in the gallery
    answer: Answer | None  # in place of the genuine one, by amount; None changes the genuine one
    amount: int | None = None  # if the name has none; None if a name cannot have one
    passes: bool = True  # another try makes sense


class UploadFault(NamedTuple):
    text: str
    name: str
    amount: int  # seconds or milliseconds, by kind
    first: int | None  # number of uploads that fail; None for all

    async def respond(
        self, call: Call, counts: Counts, scope: bytes, genuine: Genuine
    ) -> web.StreamResponse:
        """Answer an upload; as `genuine` after the `first` uploads of `scope`, if that is set."""
        if self.first is not None and count(counts, (self.text, scope)) > self.first:
            return await genuine()
        instead = KINDS[self.name].answer
        if instead is not None:
            return instead(call, self.amount)
        answer = await genuine()
        if self.name == "altered" and isinstance(answer, web.Response):
            return _altered(answer)
        if self.name == "latency":
            await asyncio.sleep(self.amount / 1000)
        elif isinstance(answer, web.Response):
            return RawResponse(encode_head(answer), body_of(answer), self.amount / 1000)
        return answer


def parse_upload_fault(text: str) -> UploadFault | None:
    """Parse a name such as ``429-object-5~2``; None if there is no such fault."""
    match = _NAME.fullmatch(text)
    if match is None or (match[2] and KINDS[match[1]].amount is None):
        return None
    amount = int(match[2] or KINDS[match[1]].amount or 0)
    return UploadFault(text, match[1], amount, int(match[3]) if match[3] else None)


def _fixed(status: int, content: JsonValue, shape: Shape = error) -> Answer:
    return lambda call, _: shape(call, status, content)


def _limit(status: int, message: str, shape: Shape = error) -> Answer:
    return lambda call, left: shape(call, status, message, rate_headers(0, left))


def _limit_object(call: Call, left: int) -> web.StreamResponse:
    # Whole minutes at Imgur; tests need shorter times.
    time = f"{left} more seconds" if left < 60 else f"{-(-left // 60)} more minutes"  # noqa: PLR2004 - a minute
    content = exception(429, f"You are uploading too fast. Please wait {time}.")
    return error(call, 429, content, rate_headers(0, left))


def _daily(call: Call, left: int) -> web.StreamResponse:
    used_up = {"X-RateLimit-ClientRemaining": "0", "X-RateLimit-ClientReset": str(left)}
    return error(call, 429, _DAILY, _USUAL | used_up)


def _bad_json(_call: Call, _: int) -> web.StreamResponse:
    return web.Response(body=b'{"data":{"id":"sbx-', content_type="application/json")


def _altered(answer: web.Response) -> web.Response:
    """Return a success with the fields of another image than the uploaded one."""
    content = json.loads(body_of(answer))
    if content["success"]:
        content["data"] |= {"type": "image/jpeg", "size": max(1, content["data"]["size"] // 2)}
    return reply(content["status"], content)


_BUSY = "Imgur is temporarily over capacity. Please try again later."
_LINKLESS = {"id": None, "deletehash": None, "type": "image/png"}
_MAGIC = "Imgur: The magic of the Internet"
_FORBIDDEN = "These actions are forbidden."
_DAILY = "Daily client requests exceeded"
_MANY, _FULL = "Too Many Requests", "Imgur is over capacity!"
_TOO_FAST = "Uploading file too fast!"
_EXPECTATION = "Internal expectation failed"
_NO_CLIENT = "Invalid client_id"

KINDS = {
    "latency": FaultKind("a late answer (the number: ms)", None, 1000, passes=False),
    "429-string": FaultKind("429, the error a string", _limit(429, _DAILY), 1),
    "429-object": FaultKind("429, the error an object", _limit_object, 1),
    "429-errors": FaultKind("429 in the shape of 2024", _limit(429, _MANY, error_list), 1),
    "429-full": FaultKind("429 with nearly full counters", _fixed(429, _MANY, error_list)),
    "429-daily": FaultKind("429, the day's limit is used up (the number: s)", _daily, _DAY_SECONDS),
    "429-html": FaultKind("429 with an HTML page", _limit(429, _FULL, html_page), 1),
    "too-fast-400": FaultKind("a rate limit that comes as 400", _limit(400, _TOO_FAST), 1),
    "403-capacity": FaultKind("403, over capacity", _fixed(403, _BUSY)),
    "403-forbidden": FaultKind("403, forbidden", _fixed(403, _FORBIDDEN), passes=False),
    "400-forbidden": FaultKind("the same as 400", _fixed(400, _FORBIDDEN), passes=False),
    "403-client": FaultKind("the application is blocked", _fixed(403, _NO_CLIENT), passes=False),
    "417": FaultKind("417, as for a large animation", _fixed(417, _EXPECTATION)),
    "401": FaultKind("the token is refused", _fixed(401, "Authentication required"), passes=False),
    "500": FaultKind("500", _fixed(500, "Internal server error")),
    "502-html": FaultKind("502 with an HTML page", _fixed(502, "502 Bad Gateway", html_page)),
    "503": FaultKind("503, over capacity", _fixed(503, _BUSY)),
    "reset": FaultKind("the connection is reset", lambda *_: RawResponse(b"", reset=True)),
    "altered": FaultKind("the image is changed: JPEG, half as large", None, passes=False),
    "drip": FaultKind("the answer drips (the number: ms a byte)", None, 1000),
    "bad-json": FaultKind("200, but the JSON breaks off", _bad_json),
    "html-200": FaultKind("200 with an HTML page", _fixed(200, _MAGIC, html_page)),
    "no-link": FaultKind("200, but no link in it", lambda *_: success(_LINKLESS)),
    "file-type-invalid": FaultKind("the type is refused", _fixed(400, INVALID_TYPE), passes=False),
}
_NAME = re.compile(rf"({'|'.join(KINDS)})(?:-([0-9]{{1,6}}))?(?:~([0-9]{{1,6}}))?")
