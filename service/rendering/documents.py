"""Static responses, plain and compressed."""

import gzip
import hashlib
from typing import Final

import falcon

from service.rendering.rendered import identify, is_known

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content security policy without any script."""


class Document:
    """A static response.

    Args:
        content: the bytes.
        media_type: of the content.
        policy: its Content-Security-Policy.
        caching: its Cache-Control; None for revalidation at each use.
    """

    def __init__(
        self, content: bytes, media_type: str, policy: str = POLICY, caching: str | None = None
    ) -> None:
        tag = hashlib.sha256(content).hexdigest()[:32]
        # A strong tag identifies bytes, so the compressed form has its own.
        self._plain = (tag, content)
        self._compressed = (f"{tag}-gzip", gzip.compress(content, mtime=0))
        self._media_type = media_type
        self._policy = policy
        self._caching = caching

    def send(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Respond with the document, or with 304 if the client has it."""
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
    """Return whether gzip is accepted (RFC 9110, section 12.5.3); a weight of 0 refuses it."""
    for entry in (req.get_header("Accept-Encoding") or "").lower().split(","):
        coding, _, weight = entry.replace(" ", "").partition(";")
        if coding in {"gzip", "x-gzip"}:
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False
