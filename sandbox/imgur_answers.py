"""The shapes of Imgur's answers, as observed; they come in four kinds when something is wrong."""

from typing import Any

from sandbox.http_message import Headers, Request, Response, json_response

JsonValue = Any

_USER_LIMIT, _CLIENT_LIMIT, _POST_LIMIT = 2000, 12_500, 1250
_HOUR_SECONDS, _DAY_SECONDS = 3600, 86_400


def rate_headers(remaining: int | None = None, reset_seconds: int = _HOUR_SECONDS) -> Headers:
    """The headers on every answer; the resets are seconds from now, whatever the manual says.

    Args:
        remaining: uploads left; None stands for nearly all. It does not count down by itself: a
            load test of 100,000 images must not run dry.
        reset_seconds: until the allowance is whole again.
    """
    user = _USER_LIMIT - 10 if remaining is None else remaining
    post = _POST_LIMIT - 1 if remaining is None else remaining
    return (
        ("X-RateLimit-UserLimit", str(_USER_LIMIT)),
        ("X-RateLimit-UserRemaining", str(user)),
        ("X-RateLimit-UserReset", str(reset_seconds)),
        ("X-RateLimit-ClientLimit", str(_CLIENT_LIMIT)),
        ("X-RateLimit-ClientRemaining", str(_CLIENT_LIMIT - 10)),
        ("X-RateLimit-ClientReset", str(_DAY_SECONDS)),
        ("X-Post-Rate-Limit-Limit", str(_POST_LIMIT)),
        ("X-Post-Rate-Limit-Remaining", str(post)),
        ("X-Post-Rate-Limit-Reset", str(reset_seconds)),
    )


_USUAL = rate_headers()


def success(data: JsonValue) -> Response:
    return json_response(200, {"data": data, "success": True, "status": 200}, _USUAL)


def error(request: Request, status: int, message: str, headers: Headers = _USUAL) -> Response:
    """An error told in a string."""
    return _error(request, status, message, headers)


def error_object(
    request: Request, status: int, code: int, message: str, headers: Headers = _USUAL
) -> Response:
    """An error told in an object."""
    told = {"code": code, "message": message, "type": "ImgurException", "exception": []}
    return _error(request, status, told, headers)


def error_list(status: int, phrase: str, headers: Headers = _USUAL) -> Response:
    """An error as the newer part of Imgur tells it (seen since 2024): there is no ``data``."""
    told = {"id": "sandbox-0001", "code": str(status), "status": phrase, "detail": phrase}
    return json_response(status, {"errors": [told]}, headers)


def html_page(status: int, heading: str, headers: Headers = ()) -> Response:
    """What comes from the machines in front of Imgur when Imgur itself does not answer."""
    text = f"<html><head><title>{heading}</title></head><body><h1>{heading}</h1></body></html>\n"
    return Response(status, text.encode(), "text/html; charset=utf-8", headers)


def credits_left() -> Response:
    return success(
        {
            "UserLimit": _USER_LIMIT,
            "UserRemaining": _USER_LIMIT - 10,
            "UserReset": _HOUR_SECONDS,
            "ClientLimit": _CLIENT_LIMIT,
            "ClientRemaining": _CLIENT_LIMIT - 10,
        }
    )


def _error(request: Request, status: int, told: JsonValue, headers: Headers) -> Response:
    data = {"error": told, "request": request.path, "method": request.method}
    return json_response(status, {"data": data, "success": False, "status": status}, headers)
