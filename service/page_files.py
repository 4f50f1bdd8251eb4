"""The page for people: its files, read and compressed once, at the start."""

import gzip
import hashlib
from pathlib import Path
from string import Template
from typing import Final

import falcon

from service.rendered import identify, is_known

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing inline, and nothing from another host but the images that the page is about."""

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For what has its version in its path: other content has another path."""

_FILES: Final = Path(__file__).parent / "static" / "page"
_FRONT: Final = "index.html"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFile:
    """A file, plain and compressed.

    Args:
        content: its bytes.
        media_type: what they are.
        caching: its Cache-Control; None where a browser is to ask each time.
    """

    def __init__(self, content: bytes, media_type: str, caching: str | None = None) -> None:
        tag = hashlib.sha256(content).hexdigest()[:32]
        # A strong tag is for one sequence of bytes, and a compressed one is another.
        self._plain = (tag, content)
        self._compressed = (f"{tag}-gzip", gzip.compress(content, mtime=0))
        self._media_type = media_type
        self._caching = caching

    def send(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let this be the answer; 304 for who has it already."""
        resp.set_header("Content-Security-Policy", POLICY)
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


class PageFiles:
    """All files of the page. A path that is not one of theirs leads nowhere: nothing is looked up
    on the disk once the service runs.

    Attributes:
        version: names the content of all of them, and stands in their paths, so that a page of one
            version never meets modules of another.
        front: the page itself, which names the others.
    """

    def __init__(self) -> None:
        contents = {path.name: path.read_bytes() for path in sorted(_FILES.iterdir())}
        self.version = hashlib.sha256(repr(contents).encode()).hexdigest()[:12]
        front = Template(contents.pop(_FRONT).decode())
        preloads = "\n".join(
            f'<link rel="modulepreload" href="/page/{self.version}/{name}">'
            for name in contents
            if name.endswith(".js")
        )
        text = front.substitute(version=self.version, preloads=preloads)
        self.front = PageFile(text.encode(), _MEDIA_TYPES[".html"])
        self._files = {
            name: PageFile(content, _MEDIA_TYPES[Path(name).suffix], FOR_EVER)
            for name, content in contents.items()
        }

    def find(self, version: str, name: str) -> PageFile | None:
        """The file of this name, if it is one of this version."""
        return self._files.get(name) if version == self.version else None


def _takes_gzip(req: falcon.Request) -> bool:
    """RFC 9110, section 12.5.3, for the one coding there is; a weight of 0 refuses it."""
    for entry in (req.get_header("Accept-Encoding") or "").lower().split(","):
        coding, _, weight = entry.replace(" ", "").partition(";")
        if coding in {"gzip", "x-gzip"}:
            return weight.removeprefix("q=").strip("0.") != "" or not weight
    return False
