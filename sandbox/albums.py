"""Albums, and the calls of Imgur's API, version 3, for them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from sandbox import imgur_answers as imgur
from sandbox.imgur_answers import Call
from sandbox.uploads import Item, Store, Upload, Uploads

MAX_ALBUMS: Final = 10_000
_FIELDS = ("title", "description", "privacy", "layout")
_NOT_FOUND = "Unable to find an album with this id"
_IMAGES = re.compile(r"/3/album/([^/]{1,80})/images")
_ALBUM = re.compile(r"/3/album/([^/]{1,80})")


@dataclass(slots=True)
class Album(Item):
    """An album, with the fields of its creation, and ids of uploads in order."""

    fields: dict[str, str | None]
    images: list[str] = field(default_factory=list)

    def link(self, base: str) -> str:
        return f"{base}/sandbox/a/{self.id}"


class Albums(Store[Album]):
    """The albums, whose images are in `uploads`; an anonymous one is changed by its deletehash."""

    def __init__(self, uploads: Uploads) -> None:
        super().__init__(MAX_ALBUMS)
        self._uploads = uploads

    def target(self, call: Call, name: str) -> Album | None:
        """Return the album of an upload: an unlisted one for a name that is not the sandbox's; None
        for a deleted album or a wrong deletehash.
        """
        return self._own(call, name) if name.startswith("sbx-") else Album({})

    async def respond(self, call: Call) -> web.Response:
        """Answer one call as Imgur does."""
        method = call.request.method
        if method == "POST" and call.path == "/3/album":
            return await self._create(call)
        if method == "GET" and (match := _IMAGES.fullmatch(call.path)):
            return self._images(call, self.of_id(match[1]))
        match = _ALBUM.fullmatch(call.path)
        if match is None or method not in ("POST", "DELETE"):
            return imgur.error(call, 404, "Unable to find such an endpoint")
        album = self._own(call, match[1])
        if album is None:
            return imgur.error(call, 404, _NOT_FOUND)
        if method == "DELETE":
            album.deleted = True
            return imgur.success(data=True)
        return await self._set_images(call, album)

    def uploads_of(self, album: Album) -> list[Upload]:
        """Return the images that are not deleted, in their order."""
        found = map(self._uploads.of_id, album.images)
        return [upload for upload in found if upload is not None]

    def listing(self, base: str) -> list[dict[str, Any]]:
        """Return all albums in the order of creation."""
        return [
            album.fields
            | {
                "id": album.id, "link": album.link(base), "deleted": album.deleted,
                "images": [upload.id for upload in self.uploads_of(album)],
            }
            for album in self.items.values()
        ]  # fmt: skip

    def _own(self, call: Call, name: str) -> Album | None:
        return self.of_deletehash(name) or (self.of_id(name) if call.of_account else None)

    async def _create(self, call: Call) -> web.Response:
        form = await call.request.post()
        # Images that are named at its creation are not taken in, as at Imgur.
        album = Album({name: next(iter(_texts([form.get(name)])), None) for name in _FIELDS})
        self.add(album)
        data = {"id": album.id, "deletehash": album.deletehash, "link": album.link(call.base)}
        return imgur.success(data)

    async def _set_images(self, call: Call, album: Album) -> web.Response:
        fields = await call.request.post()
        names = _texts(fields.getall("deletehashes[]", fields.getall("ids[]", [])))
        found = [self._uploads.find(name) for name in names]
        ids = [upload.id for upload in found if upload is not None]
        if len(ids) < len(found):
            return imgur.error(call, 403, "You must own all the image ids to add them to the album")
        album.images = list(dict.fromkeys(ids))
        return imgur.success(data=True)

    def _images(self, call: Call, album: Album | None) -> web.Response:
        if album is None:
            return imgur.error(call, 404, _NOT_FOUND)
        uploads = self.uploads_of(album)
        return imgur.success([{"id": one.id, "link": one.link(call.base)} for one in uploads])


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]
