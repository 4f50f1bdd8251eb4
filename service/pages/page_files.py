"""The page for people: its files, read and compressed once, at the start."""

import hashlib
from pathlib import Path
from string import Template
from typing import Final

from service.rendering.documents import Document

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
        self.front = Document(text.encode(), _MEDIA_TYPES[".html"], POLICY)
        self._files = {
            name: Document(content, _MEDIA_TYPES[Path(name).suffix], POLICY, FOR_EVER)
            for name, content in contents.items()
        }

    def find(self, version: str, name: str) -> Document | None:
        """The file of this name, if it is one of this version."""
        return self._files.get(name) if version == self.version else None
