"""The state of one URL as JSON: a `UrlResult`."""

from collections.abc import Iterator, Mapping, Sequence

from service.rendering.rendered import render
from workers import Altered, Converted, Deletion, DeletionState, ImageState, JobChanges

NULL = b"null"

UNTROUBLED = b'"reason":null,"message":null'
_MAYBE_DUPLICATED = b',"possiblyDuplicated":true'
_DEDUPLICATED = b',"deduplicated":true'
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
    troubles, maybe_duplicated = changes.troubles, changes.possibly_duplicated
    known_images, deletions = changes.deduplicated, changes.deletions
    resolved = changes.resolved
    altered, converted = changes.altered, changes.converted
    whys = {trouble: why(*trouble) for trouble in set(troubles.values())}
    for index, state, attempts in zip(
        changes.indexes, changes.states, changes.attempts, strict=True
    ):
        yield (
            index,
            state,
            b'{"url":%b,"state":"%b","link":%b,%b,"attempts":%d%b%b%b%b%b%b}'
            % (
                urls[index],
                _STATE_NAMES[state],
                links[index],
                whys[troubles[index]] if index in troubles else UNTROUBLED,
                attempts,
                _MAYBE_DUPLICATED if index in maybe_duplicated else b"",
                _DEDUPLICATED if index in known_images else b"",
                b',"resolvedTo":%b' % render(resolved[index]) if index in resolved else b"",
                _converted(converted[index]) if index in converted else b"",
                _altered(altered[index]) if index in altered else b"",
                _deletion(deletions[index]) if index in deletions else b"",
            ),
        )


def why(reason: str, message: str) -> bytes:
    """What is said in place of `UNTROUBLED`."""
    return b'"reason":%b,"message":%b' % (render(reason), render(message))


def _converted(made: Converted) -> bytes:
    return b',"converted":' + render(
        {
            "from": made.source_type,
            "to": made.media_type,
            "bytesBefore": made.source_size,
            "bytesAfter": made.size,
            "width": made.width,
            "height": made.height,
        }
    )


def _altered(stored: Altered) -> bytes:
    return b',"altered":{"type":%b,"bytes":%d}' % (render(stored.media_type), stored.size)


def _deletion(deletion: Deletion) -> bytes:
    """Return the optional members of a result, each after a comma."""
    state = b',"deleted":"%b"' % deletion.state.value.encode()
    if deletion.state is not DeletionState.FAILED:
        return state
    why = render(deletion.reason), render(deletion.message)
    return state + b',"deletionReason":%b,"deletionMessage":%b' % why
