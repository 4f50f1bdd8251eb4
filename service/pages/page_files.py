"""The files of the page for people, read once at the start."""

import hashlib
from pathlib import Path
from string import Template
from typing import Final

from service.rendering.rendered import Document

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src * data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy: nothing inline; only images may come from other hosts."""

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Cache-Control of files with their version in the path."""

_FILES: Final = Path(__file__).parent / "static" / "page"
_FRONT: Final = "index.html"
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class PageFiles:
    """All files of the page, in memory: requests never access the disk.

    Attributes:
        version: digest of all files, part of their paths, so that a page never loads modules of
            another version.
        front: the page itself, which links to the others.
    """

    def __init__(self) -> None:
        contents = {
            path.name: path.read_bytes()
            for path in sorted(_FILES.iterdir())
            if path.suffix in _MEDIA_TYPES  # else it is an editor's or the system's
        }
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
        """Return a file by version and name; None if there is none."""
        return self._files.get(name) if version == self.version else None
