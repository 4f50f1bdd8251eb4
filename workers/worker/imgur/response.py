"""A response of the API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

_LONGEST_INTEGER: Final = 18  # digits; longer numbers are read as floats


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response of the API, with a body that may be truncated.

    Attributes:
        headers: by case-insensitive name.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


_DECODER = json.JSONDecoder(
    parse_int=lambda digits: int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)
)


def parse_json(body: bytes) -> object:
    """Return the first JSON document of a body; None if it does not begin with one."""
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n")
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):  # not JSON, or nested too deeply
        return None
