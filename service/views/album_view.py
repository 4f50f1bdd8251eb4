"""The album of a job, as JSON."""

from service.rendering.models import AlbumEntry
from workers import AlbumStatus, DeletionState


def album_entry(album: AlbumStatus) -> AlbumEntry:
    """What a status says of the album that the job asked for."""
    entry: AlbumEntry = {"id": album.album_id, "link": album.link, "state": album.state.value}
    if album.reason is not None and album.message is not None:
        entry |= {"reason": album.reason, "message": album.message}
    if album.possibly_duplicated:
        entry["possiblyDuplicated"] = True
    if album.deletion is not None:
        entry["deleted"] = album.deletion.state.value
        if album.deletion.state is DeletionState.FAILED:
            entry["deletionReason"] = album.deletion.reason
            entry["deletionMessage"] = album.deletion.message
    return entry
