"""The calls of Imgur's API, version 3, for albums."""

import re
from collections.abc import Iterable, Mapping

from aiohttp import web

from sandbox import imgur_answers as imgur
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

    def target(self, call: Call, name: str) -> Album | None:
        """Return the album of an upload: an unlisted one for a name that is not the sandbox's; None
        for a deleted album or a wrong deletehash.
        """
        return self._own(call, name) if name.startswith("sbx-") else Album({})

    async def respond(self, call: Call) -> web.Response:
        """Answer one call."""
        method = call.request.method
        if method == "POST" and call.path == "/3/album":
            return self._create(call, await call.request.post())
        if method == "GET" and (match := _IMAGES.fullmatch(call.path)):
            return self._images(call, self._albums.of_id(match[1]))
        match = _ALBUM.fullmatch(call.path)
        if match is None or method not in ("POST", "DELETE"):
            return imgur.error(call, 404, "Unable to find such an endpoint")
        album = self._own(call, match[1])
        if album is None:
            return imgur.error(call, 404, _NOT_FOUND)
        return await self._change(call, album)

    def _own(self, call: Call, name: str) -> Album | None:
        return self._albums.of_deletehash(name) or (
            self._albums.of_id(name) if call.of_account else None
        )

    async def _change(self, call: Call, album: Album) -> web.Response:
        if call.request.method == "DELETE":
            album.deleted = True
            return imgur.success(data=True)
        fields = await call.request.post()
        names = _texts(fields.getall("deletehashes[]", fields.getall("ids[]", [])))
        if not self._albums.set_images(album, names):
            return imgur.error(call, 403, "You must own all the image ids to add them to the album")
        return imgur.success(data=True)

    def _create(self, call: Call, form: Mapping[str, object]) -> web.Response:
        # Images that are named at its creation are not taken in, as at Imgur.
        album = Album({name: next(iter(_texts([form.get(name)])), None) for name in _FIELDS})
        self._albums.add(album)
        data = {"id": album.id, "deletehash": album.deletehash, "link": album.link(call.base)}
        return imgur.success(data)

    def _images(self, call: Call, album: Album | None) -> web.Response:
        if album is None:
            return imgur.error(call, 404, _NOT_FOUND)
        uploads = self._albums.uploads_of(album)
        return imgur.success([{"id": one.id, "link": one.link(call.base)} for one in uploads])


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]
