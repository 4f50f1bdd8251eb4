"""HTTP answers, read more strictly than http.client does: a source may be out to do harm."""

import functools
import re
from http.client import HTTPException, HTTPResponse, IncompleteRead, LineTooLong, parse_headers

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool

_LONGEST_LINE = 65536  # http.client's own bound for a header

_MOST_INTERIM_ANSWERS = 50
"""One or two come in real life; each may bring a hundred headers."""

_CONTINUE = 100
_SWITCHING_PROTOCOLS = 101
_OK = 200

# RFC 9110, section 8.6: the same number may be repeated. Longer ones are beyond what int takes.
_is_length = re.compile(r"([0-9]{1,4000})(?:[ \t]*,[ \t]*\1)*").fullmatch
# RFC 9112, section 7.1. A size of 16 digits has never been too small.
_match_chunk_line = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?\n").fullmatch


class StrictAnswer(HTTPResponse):
    """An answer whose framing leaves no doubt.

    http.client takes a chunk of the size -1 for all that is to come, in one piece of memory, and
    reads on to the end of the connection when it does not understand the length.
    """

    _interim_answers = 0

    def begin(self) -> None:
        """Read the head.

        Raises:
            HTTPException: where the body ends cannot be told (RFC 9112, section 6.3).
        """
        super().begin()
        length = self.headers.get("Content-Length")
        if length is not None and not _is_length(length.strip()):
            raise HTTPException("invalid Content-Length")
        coding = self.headers.get("Transfer-Encoding", "chunked").strip().lower()
        if coding not in ("chunked", "identity"):
            raise HTTPException("a transfer coding that was not asked for")

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, phrase = super()._read_status()  # type: ignore[misc] # not in typeshed
            if not _CONTINUE <= status < _OK or status == _SWITCHING_PROTOCOLS:
                return version, status, phrase
            self._interim_answers += 1
            if self._interim_answers > _MOST_INTERIM_ANSWERS:
                raise HTTPException("too many interim answers")
            # http.client skips 100 only, and takes 103 Early Hints for the answer itself.
            parse_headers(self.fp)

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise LineTooLong("chunk size")
        if not line.endswith(b"\n"):
            raise IncompleteRead(line)
        match = _match_chunk_line(line)
        if match is None:
            raise HTTPException("invalid chunk size")
        return int(match[1], 16)


def read_strictly(session: requests.Session) -> None:
    """Let all connections of the session's adapters read `StrictAnswer`s."""
    for adapter in session.adapters.values():
        assert isinstance(adapter, HTTPAdapter)  # noqa: S101 - tells the type checker
        manager = adapter.poolmanager
        manager.pool_classes_by_scheme = {
            scheme: _strict(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
        }


@functools.cache
def _strict(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    plain = pool.ConnectionCls
    connection = type(plain.__name__, (plain,), {"response_class": StrictAnswer})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})
