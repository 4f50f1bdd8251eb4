"""One job as JSON, of which each URL's part is rendered anew only when the URL changes."""

from itertools import compress

from service.models import Counts, iso_time, render
from service.paging import Page
from workers import ImageState, JobChanges

_UNTROUBLED = b'"reason":null,"message":null'
_DOUBLED = b',"possiblyDuplicated":true'
_NULL = b"null"
_STATE_NAMES = [state.name.lower().encode() for state in sorted(ImageState)]
# Each turns a column of states into one of ones and zeros.
_MASKS = {state: bytes(byte == state for byte in range(256)) for state in sorted(ImageState)}
_VIEW_BYTES = 1500  # an empty one
_URL_BYTES = 150  # of memory besides the text itself: places in lists, and objects


class JobView:
    """One job as JSON, in pieces; for one thread at a time.

    Args:
        sandbox: whether links are the sandbox's, which the answers then say.
    """

    def __init__(self, *, sandbox: bool) -> None:
        self._sandbox = sandbox
        self._begin()

    def _begin(self) -> None:
        self._last: JobChanges | None = None
        self._states = bytearray()
        self._urls: list[bytes] = []
        self._links: list[bytes] = []
        self._results: list[bytes] = []
        self._text_bytes = 0
        self._whole: tuple[bytes, ...] | None = None

    @property
    def version(self) -> int:
        """How far it has followed the job; 0 at first."""
        return 0 if self._last is None else self._last.version

    @property
    def known(self) -> int:
        """URLs it has been told of."""
        return len(self._urls)

    def is_whole_at(self, version: int) -> bool:
        """Whether it shows all of the job as of this version."""
        return self._last is not None and self._last.is_current and self.version == version

    @property
    def size(self) -> int:
        """Bytes of memory, roughly."""
        whole = sum(map(len, self._whole or ()))
        return _VIEW_BYTES + self._text_bytes + whole + _URL_BYTES * len(self._urls)

    def apply(self, changes: JobChanges) -> None:
        """Follow the job by one step."""
        if changes.is_first:
            self._begin()
        if changes.urls or changes.version != self.version:
            self._whole = None
        self._last = changes
        self._append(changes.urls)
        # Names of this function, as a name of the object takes longer for each of 100,000 URLs.
        urls, links, results = self._urls, self._links, self._results
        troubles, doubled = changes.troubles, changes.possibly_duplicated
        whys = {trouble: _why(*trouble) for trouble in set(troubles.values())}
        added = 0
        for index, link in changes.links.items():
            text = render(link)
            added += len(text) - len(links[index])
            links[index] = text
        for index, state, attempts in zip(
            changes.indexes, changes.states, changes.attempts, strict=True
        ):
            result = b'{"url":%b,"state":"%b","link":%b,%b,"attempts":%d%b}' % (
                urls[index],
                _STATE_NAMES[state],
                links[index],
                whys[troubles[index]] if index in troubles else _UNTROUBLED,
                attempts,
                _DOUBLED if index in doubled else b"",
            )
            added += len(result) - len(results[index])
            results[index] = result
            self._states[index] = state
        self._text_bytes += added

    def whole(self) -> tuple[bytes, ...]:
        """The answer that shows all of the job, a `JobAnswer`, in pieces.

        The pieces stay the same objects for as long as the job does not change.
        """
        if self._whole is None:
            self._whole = (
                self._head() + b',"uploaded":{"pending":[',
                self._listed(self._urls, ImageState.PENDING),
                b'],"complete":[',
                self._listed(self._links, ImageState.COMPLETE),
                b'],"failed":[',
                self._listed(self._urls, ImageState.FAILED),
                b']},"results":[',
                b",".join(self._results),
                b"]" + self._tail(),
            )
        return self._whole

    def page(self, page: Page) -> tuple[bytes, ...]:
        """The answer that shows some of the results, a `JobPage`."""
        return (
            self._head() + b',"results":[',
            b",".join(self._results[page.cursor : page.end]),
            b'],"next":%b' % render(page.next_of(self.known)) + self._tail(),
        )

    def _head(self) -> bytes:
        job = self._job
        head = {
            "id": job.job_id,
            "created": iso_time(job.created),
            "finished": None if job.finished is None else iso_time(job.finished),
            "status": job.status.value,
        }
        return render(head)[:-1]

    def _tail(self) -> bytes:
        job = self._job
        counts: Counts = {
            "pending": job.pending,
            "complete": job.complete,
            "failed": job.failed,
            "total": job.total,
        }
        sandbox = b',"sandbox":true' if self._sandbox else b""
        return b',"counts":%b%b}' % (render(counts), sandbox)

    def _listed(self, texts: list[bytes], state: ImageState) -> bytes:
        return b",".join(compress(texts, self._states.translate(_MASKS[state])))

    @property
    def _job(self) -> JobChanges:
        if self._last is None:
            raise LookupError("Nothing is known of the job yet.")
        return self._last

    def _append(self, urls: tuple[str, ...]) -> None:
        texts = [render(url) for url in urls]
        self._urls += texts
        self._states += bytes(len(texts))
        self._links += [_NULL] * len(texts)
        self._results += [b""] * len(texts)
        self._text_bytes += sum(map(len, texts))


def _why(reason: str, message: str) -> bytes:
    return b'"reason":%b,"message":%b' % (render(reason), render(message))
