"""Albums: created empty, filled by uploads, set in order, deleted."""

import html
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from sandbox.uploads import Upload

MAX_ALBUMS: Final = 10_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(slots=True)
class Album:
    """One album; `told` is what its creation said of it."""

    told: dict[str, str | None]
    images: list[str] = field(default_factory=list)  # ids of uploads, in order
    deleted: bool = False
    album_id: str = field(default_factory=lambda: f"sbx-{secrets.token_hex(5)}")
    secret: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def deletehash(self) -> str:
        return f"{self.album_id}-{self.secret}"

    def link(self, base: str) -> str:
        return f"{base}/sandbox/a/{self.album_id}"


class Albums:
    """Keeps albums in memory; the oldest go first. `find_upload` finds an image by id or hash."""

    def __init__(self, find_upload: Callable[[str], Upload | None]) -> None:
        self._find_upload = find_upload
        self._albums: OrderedDict[str, Album] = OrderedDict()  # by id

    def create(self, told: dict[str, str | None]) -> Album:
        """Create an album. Images named at its creation are not taken in, as at Imgur."""
        album = Album(told)
        self._albums[album.album_id] = album
        if len(self._albums) > MAX_ALBUMS:
            self._albums.popitem(last=False)
        return album

    def find(self, name: str, *, of_account: bool = False) -> Album | None:
        """An album by its deletehash; by its id for whoever owns it."""
        album = self._albums.get(name)
        if album is not None:
            return album if of_account and not album.deleted else None
        album = self._albums.get(name.rpartition("-")[0])
        return None if album is None or album.deleted or album.deletehash != name else album

    def of_id(self, album_id: str) -> Album | None:
        """An album by its id, to be looked at."""
        album = self._albums.get(album_id)
        return None if album is None or album.deleted else album

    def set_images(self, album: Album, names: list[str]) -> bool:
        """Have an album show these images only, in this order; False if one is unknown."""
        found = [self._find_upload(name) for name in names]
        uploads = [upload for upload in found if upload is not None]
        if len(uploads) < len(found):
            return False
        album.images = list(dict.fromkeys(upload.image_id for upload in uploads))
        return True

    def uploads_of(self, album: Album) -> list[Upload]:
        """The images that are still there, in their order."""
        found = map(self._find_upload, album.images)
        return [upload for upload in found if upload is not None]

    def listing(self, base: str) -> list[dict[str, Any]]:
        """All albums in the order of creation."""
        return [
            album.told
            | {
                "id": album.album_id, "link": album.link(base), "deleted": album.deleted,
                "images": [upload.image_id for upload in self.uploads_of(album)],
            }
            for album in self._albums.values()
        ]  # fmt: skip

    def page(self, album_id: str, base: str) -> web.Response:
        """An album for people; raises HTTPNotFound."""
        album = self.of_id(album_id)
        if album is None:
            raise web.HTTPNotFound(text="There is no such album; it may have been deleted.\n")
        title = html.escape(album.told["title"] or "An album of the sandbox")
        images = "".join(
            f'<p><img src="{html.escape(upload.link(base))}" alt=""></p>\n'
            for upload in self.uploads_of(album)
        )
        about = f"<p>{html.escape(album.told['description'] or '')}</p>\n"
        text = f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n{about}{images}"
        return web.Response(text=text, content_type="text/html", headers=_HEADERS)

    def reset(self) -> None:
        """Forget all albums."""
        self._albums.clear()
