"""The calls of Imgur's API, version 3, that are about albums."""

import re
from collections.abc import Iterable

from aiohttp import web

from sandbox import imgur_answers as say
from sandbox.albums import Album, Albums
from sandbox.imgur_answers import Call

_FIELDS = ("title", "description", "privacy", "layout")
_NOT_FOUND = "Unable to find an album with this id"
_IMAGES = re.compile(r"/3/album/([^/]{1,80})/images")
_ALBUM = re.compile(r"/3/album/([^/]{1,80})")


class AlbumCalls:
    """Answers as Imgur does; an anonymous album is changed by its deletehash alone."""

    def __init__(self, albums: Albums) -> None:
        self._albums = albums

    def named_in(self, call: Call, name: str) -> Album | None:
        """The album that an upload goes to; one that nobody sees for a name that is not known here,
        and None for an album that was deleted, or whose deletehash is wrong.
        """
        if not name.startswith("sbx-"):
            return Album({})
        return self._albums.find(name, of_account=call.of_account)

    async def respond(self, call: Call) -> web.Response:
        """Answer one call."""
        method = call.request.method
        if method == "POST" and call.path == "/3/album":
            fields = await call.request.post()
            return self._create(call, {name: _text(fields.get(name)) for name in _FIELDS})
        if method == "GET" and (match := _IMAGES.fullmatch(call.path)):
            return self._images(call, self._albums.of_id(match[1]))
        match = _ALBUM.fullmatch(call.path)
        if match is None or method not in ("POST", "DELETE"):
            return say.error(call, 404, "Unable to find such an endpoint")
        album = self._albums.find(match[1], of_account=call.of_account)
        if album is None:
            return say.error(call, 404, _NOT_FOUND)
        return await self._change(call, album)

    async def _change(self, call: Call, album: Album) -> web.Response:
        if call.request.method == "DELETE":
            album.deleted = True
            return say.success(data=True)
        fields = await call.request.post()
        names = _texts(fields.getall("deletehashes[]", fields.getall("ids[]", [])))
        if not self._albums.set_images(album, names):
            return say.error(call, 403, "You must own all the image ids to add them to the album")
        return say.success(data=True)

    def _create(self, call: Call, told: dict[str, str | None]) -> web.Response:
        album = self._albums.create(told)
        data = {"id": album.album_id, "deletehash": album.deletehash, "link": album.link(call.base)}
        return say.success(data)

    def _images(self, call: Call, album: Album | None) -> web.Response:
        if album is None:
            return say.error(call, 404, _NOT_FOUND)
        images = [
            {"id": upload.image_id, "link": upload.link(call.base)}
            for upload in self._albums.uploads_of(album)
        ]
        return say.success(images)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]
