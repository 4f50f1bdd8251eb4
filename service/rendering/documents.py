"""Answers that stay the same until the service is started anew, plain and compressed."""

import gzip
import hashlib
from typing import Final

import falcon

from service.rendering.rendered import identify, is_known

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""No script at all, neither inline nor from a file; what is there is there without one."""


class Document:
    """One of them.

    Args:
        content: its bytes.
        media_type: what they are.
        policy: what a browser may load for it.
        caching: its Cache-Control; None where a browser is to ask each time.
    """

    def __init__(
        self, content: bytes, media_type: str, policy: str = POLICY, caching: str | None = None
    ) -> None:
        tag = hashlib.sha256(content).hexdigest()[:32]
        # A strong tag is for one sequence of bytes, and a compressed one is another.
        self._plain = (tag, content)
        self._compressed = (f"{tag}-gzip", gzip.compress(content, mtime=0))
        self._media_type = media_type
        self._policy = policy
        self._caching = caching

    def send(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let this be the answer; 304 for who has it already."""
        resp.set_header("Content-Security-Policy", self._policy)
        resp.append_header("Vary", "Accept-Encoding")
        compressed = _takes_gzip(req)
        tag, content = self._compressed if compressed else self._plain
        if not is_known(req, resp, tag):
            identify(resp, tag)
            resp.content_type = self._media_type
            resp.data = content
            if compressed:
                resp.set_header("Content-Encoding", "gzip")
        if self._caching is not None:
            resp.cache_control = [self._caching]


def _takes_gzip(req: falcon.Request) -> bool:
    """RFC 9110, section 12.5.3, for the one coding there is; a weight of 0 refuses it."""
    for entry in (req.get_header("Accept-Encoding") or "").lower().split(","):
        coding, _, weight = entry.replace(" ", "").partition(";")
        if coding in {"gzip", "x-gzip"}:
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False
