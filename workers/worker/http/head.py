"""The head of a response, fed line by line by libcurl."""

import re
from dataclasses import dataclass, field
from typing import Any

from workers.worker.http.errors import Fault, TransferError

MAX_HEAD_BYTES = 256 * 1024
"""Limit of all heads of a response, interim ones included; as in browsers."""

_FIRST_FINAL_STATUS = 200
_SWITCHING_PROTOCOLS = 101

_match_status = re.compile(rb"[A-Za-z]+[/0-9.]* *0*([1-9][0-9]{2})(?![0-9])").match
# RFC 9110, section 5.5: CR, LF and NUL become spaces.
_TO_SPACES = bytes.maketrans(b"\r\n\0", b"   ")
_LONGEST_LENGTH = 19  # digits; a longer number exceeds any limit


class Fields(dict[str, str]):
    """Header fields by name, in any case.

    Used for each image; it does less than the mappings of requests and urllib3, in a fifth of the
    time.
    """

    __slots__ = ()

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as in Mapping
        """Return the value of a field, or `default`."""
        return super().get(name.lower(), default)


@dataclass(slots=True, eq=False, repr=False)  # it holds cookies
class Head:
    """Status and header fields of a response."""

    status: int = 0  # of the final response; 0 until its status line is received
    # Of the final response, without trailers; different values of a repeated one joined by commas.
    fields: Fields = field(default_factory=Fields)
    has_several_targets: bool = False  # the values of Location differ
    is_complete: bool = False  # all fields are received
    _size: int = 0
    _lines: list[bytes] = field(default_factory=list)

    def feed(self, line: bytes) -> None:
        """Take the next line.

        Raises:
            TransferError: the head exceeds `MAX_HEAD_BYTES`.
        """
        self._size += len(line)
        if self._size > MAX_HEAD_BYTES:
            raise TransferError(Fault.NOT_HTTP, "a head too long")
        if self.is_complete:
            return
        if not self.status:
            match = _match_status(line)
            self.status = int(match[1]) if match else 0
        elif line != b"\r\n" and line != b"\n":  # noqa: PLR1714 - once a line; a tuple costs more
            if line[0] not in b" \t":
                self._lines.append(line)
            elif self._lines:  # continues the previous line (RFC 9112, section 5.2)
                self._lines[-1] = self._lines[-1].rstrip() + b" " + line.strip()
        elif self.status >= _FIRST_FINAL_STATUS or self.status == _SWITCHING_PROTOCOLS:
            self.is_complete = True
            self._read_fields()
        else:  # an interim response; the next status line follows
            self.status = 0
            self._lines = []

    @property
    def is_chunked(self) -> bool:
        """True for a chunked body (RFC 9112, section 7.1)."""
        codings = self.fields.get("Transfer-Encoding", "").lower().split(",")
        return "chunked" in (coding.strip() for coding in codings)

    def length(self) -> int | None:
        """Return the declared size of the body in bytes; None if not declared."""
        # RFC 9110, section 8.6: the same number may be repeated.
        declared = {value.strip() for value in self.fields.get("Content-Length", "").split(",")}
        text = declared.pop()
        if self.is_chunked or declared or not (text.isascii() and text.isdigit()):
            return None
        return int(text[:_LONGEST_LENGTH])

    def _read_fields(self) -> None:
        all_values: dict[str, dict[str, None]] = {}
        for line in self._lines:
            name, colon, value = line.translate(_TO_SPACES).decode("latin-1").partition(":")
            if colon and (key := name.rstrip().lower()):
                all_values.setdefault(key, {})[value.strip()] = None
        self.fields = Fields({key: ", ".join(values) for key, values in all_values.items()})
        self.has_several_targets = len(all_values.get("location", ())) > 1
