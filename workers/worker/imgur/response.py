"""An answer of the API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

_LONGEST_INTEGER: Final = 18  # digits; longer ones are read as floats, which no length overflows


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What the API said. A body that broke off is kept as far as it came.

    Attributes:
        headers: by name, whatever the case.
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
    """The first document of a body, or None if the body does not begin with one."""
    text = body.decode(json.detect_encoding(body), "replace").lstrip("\ufeff \t\r\n")
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):  # not JSON, or JSON nested to do harm
        return None
