"""The state of one URL as JSON: a `UrlResult`."""

from collections.abc import Iterator, Mapping, Sequence

from service.rendering.rendered import iso_time, render
from workers import DeletionState, ImageDetails, ImageState, JobChanges, read_timeline

NULL = b"null"

UNTROUBLED = b'"reason":null,"message":null'
_CONVERTED = ("from", "to", "bytesBefore", "bytesAfter", "width", "height")
_ALTERED = ("type", "bytes")
_STATE_NAMES = [state.name.lower().encode() for state in sorted(ImageState)]


def render_results(
    changes: JobChanges,
    urls: Sequence[bytes] | Mapping[int, bytes],
    links: Sequence[bytes] | Mapping[int, bytes],
) -> Iterator[tuple[int, int, bytes]]:
    """Yield index, state and JSON of changed URLs; one loop, as there may be 100,000.

    Args:
        changes: of the job.
        urls: rendered, by index.
        links: rendered, by index; null without a link.
    """
    errors, details = changes.errors, changes.details
    whys = {error: why(*error) for error in set(errors.values())}
    for index, state, attempts in zip(
        changes.indexes, changes.states, changes.attempts, strict=True
    ):
        yield (
            index,
            state,
            b'{"url":%b,"state":"%b","link":%b,%b,"attempts":%d%b}'
            % (
                urls[index],
                _STATE_NAMES[state],
                links[index],
                whys[errors[index]] if index in errors else UNTROUBLED,
                attempts,
                _optional(details[index]) if index in details else b"",
            ),
        )


def why(reason: str, message: str) -> bytes:
    """What is said in place of `UNTROUBLED`."""
    return b'"reason":%b,"message":%b' % (render(reason), render(message))


def render_timeline(created: float, rows: bytes) -> bytes:
    """Render a list of `TimelineEntry`.

    Args:
        created: of the job, in seconds since the epoch.
        rows: see `read_timeline`.
    """
    entries: list[dict[str, object]] = [{"event": "queued", "at": iso_time(created)}]
    entries += [
        {"event": event, "at": iso_time(created + seconds), **details}
        for event, seconds, details in read_timeline(rows)
    ]
    return render(entries)


def _optional(details: ImageDetails) -> bytes:
    """Return the optional members of a result, each after a comma."""
    converted, altered, deletion = details.converted, details.altered, details.deletion
    failed = deletion if deletion and deletion.state is DeletionState.FAILED else None
    members = (
        (b"possiblyDuplicated", details.maybe_duplicated or None),
        (b"deduplicated", details.deduplicated or None),
        (b"resolvedTo", details.resolved_to),
        (b"converted", converted and dict(zip(_CONVERTED, converted, strict=True))),
        (b"altered", altered and dict(zip(_ALTERED, altered, strict=True))),
        (b"deleted", deletion and deletion.state.value),
        (b"deletionReason", failed and failed.reason),
        (b"deletionMessage", failed and failed.message),
    )
    return b"".join(
        b',"%b":%b' % (name, render(value)) for name, value in members if value is not None
    )
