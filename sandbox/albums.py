"""Albums: created empty, filled by uploads, set in order, deleted."""

from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.store import Item, Store
from sandbox.uploads import Upload, Uploads

MAX_ALBUMS: Final = 10_000


@dataclass(slots=True)
class Album(Item):
    """An album, with the fields of its creation, and ids of uploads in order."""

    fields: dict[str, str | None]
    images: list[str] = field(default_factory=list)

    def link(self, base: str) -> str:
        return f"{base}/sandbox/a/{self.id}"


class Albums(Store[Album]):
    """The albums, whose images are in `uploads`."""

    def __init__(self, uploads: Uploads) -> None:
        super().__init__(MAX_ALBUMS)
        self._uploads = uploads

    def set_images(self, album: Album, names: list[str]) -> bool:
        """Replace the images of an album, in this order; False if one is unknown."""
        found = [self._uploads.find(name) for name in names]
        uploads = [upload for upload in found if upload is not None]
        if len(uploads) < len(found):
            return False
        album.images = list(dict.fromkeys(upload.id for upload in uploads))
        return True

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
