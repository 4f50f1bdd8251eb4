"""Takes a multipart/form-data body apart (RFC 7578)."""

import re
from dataclasses import dataclass

_BOUNDARY = re.compile(r'\bboundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)
_FILENAME = re.compile(rb'[;\s]filename="([^"\r\n]*)"', re.IGNORECASE)
_MAX_PARTS = 50


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the form; `filename` is None for a field that is no file."""

    filename: str | None
    data: bytes

    def text(self) -> str:
        return self.data[:1000].decode("utf-8", "replace")


def parse_multipart(content_type: str, body: bytes) -> dict[str, Part]:
    """Return the fields by name; of a repeated name the first counts, of a broken body nothing."""
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/form-data"):
        return {}
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1")
    fields: dict[str, Part] = {}
    at = body.find(delimiter)
    for _ in range(_MAX_PARTS):
        at += len(delimiter)
        head_end = body.find(b"\r\n\r\n", at)
        end = body.find(b"\r\n" + delimiter, head_end)
        if body[at : at + 2] != b"\r\n" or head_end < 0 or end < 0:
            break
        head = body[at:head_end]
        name = _NAME.search(head)
        if name is not None:
            filename = _FILENAME.search(head)
            part = Part(
                filename[1].decode("utf-8", "replace") if filename else None,
                body[head_end + 4 : end],
            )
            fields.setdefault(name[1].decode("utf-8", "replace"), part)
        at = end + 2
    return fields
