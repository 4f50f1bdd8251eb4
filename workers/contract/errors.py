"""Errors that cross process boundaries: why a URL failed, with stable codes, and the journal's."""

from enum import Enum, StrEnum, auto
from typing import Final, Self


class Reason(StrEnum):
    """The machine codes shown as ``results[].reason``; they never change their meaning."""

    # the URL itself
    URL_INVALID = "url-invalid"
    URL_SCHEME = "url-scheme"
    URL_TOO_LONG = "url-too-long"
    URL_CREDENTIALS = "url-credentials"
    PORT_NOT_ALLOWED = "port-not-allowed"
    ADDRESS_NOT_ALLOWED = "address-not-allowed"

    # reaching the source
    NAME_NOT_FOUND = "name-not-found"
    NAME_LOOKUP_FAILED = "name-lookup-failed"
    CONNECT_FAILED = "connect-failed"
    TLS_FAILED = "tls-failed"
    DOWNLOAD_TIMEOUT = "download-timeout"

    # the source's answer
    SOURCE_NOT_FOUND = "source-not-found"
    SOURCE_REFUSED = "source-refused"
    SOURCE_RATE_LIMITED = "source-rate-limited"
    SOURCE_STATUS = "source-status"
    SOURCE_ERROR = "source-error"
    SOURCE_BAD_ANSWER = "source-bad-answer"
    SOURCE_CUT_SHORT = "source-cut-short"
    TOO_MANY_REDIRECTS = "too-many-redirects"
    ENCODING_UNSUPPORTED = "encoding-unsupported"

    # the bytes
    EMPTY = "empty"
    TOO_LARGE = "too-large"
    NOT_AN_IMAGE = "not-an-image"
    TYPE_NOT_ACCEPTED = "type-not-accepted"
    STORAGE_FULL = "storage-full"
    CONVERSION_FAILED = "conversion-failed"

    # Imgur
    IMGUR_REFUSED = "imgur-refused"
    IMGUR_FORBIDDEN = "imgur-forbidden"
    IMGUR_CREDENTIALS = "imgur-credentials"
    IMGUR_RATE_LIMITED = "imgur-rate-limited"
    IMGUR_ERROR = "imgur-error"
    IMGUR_OVER_CAPACITY = "imgur-over-capacity"
    IMGUR_UNREACHABLE = "imgur-unreachable"
    IMGUR_TIMEOUT = "imgur-timeout"
    IMGUR_BAD_ANSWER = "imgur-bad-answer"

    # this service
    ALBUM_FAILED = "album-failed"
    WORKER_CRASHED = "worker-crashed"
    UPLOAD_INTERRUPTED = "upload-interrupted"
    CANCELLED = "cancelled"
    INTERNAL_ERROR = "internal-error"


class ImageError(Exception):
    """One URL could not be processed.

    Args:
        reason: the stable machine code.
        message: one sentence for a person; it never holds a secret.
        transient: whether another attempt may succeed.
        retry_after: seconds that the server asked to wait, if it did.
        max_attempts: for a transient error with fewer attempts than the default.

    Attributes:
        resolved_to: where the image was looked for, if its URL led to a page; set by who knows.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        transient: bool = False,
        retry_after: float | None = None,
        max_attempts: int | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.transient = transient
        self.retry_after = retry_after
        self.max_attempts = max_attempts
        self.resolved_to: str | None = None


class DownloadError(ImageError):
    """The image could not be fetched, or what came is not an image that can be uploaded."""


class ConversionBusyError(ImageError):
    """No converter process was free in time: the URL goes back, and keeps its attempts.

    Args:
        wait_seconds: how long that was waited for.

    Attributes:
        pause_seconds: how long nothing should be uploaded.
    """

    pause_seconds = 0.0

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(
            Reason.CONVERSION_FAILED,
            f"No process was free to convert the image within {wait_seconds:g} seconds.",
            transient=True,
        )


class SourceOverloadedError(DownloadError):
    """The source limits requests, or is overloaded."""


IMGUR_SILENT: Final = frozenset({Reason.IMGUR_UNREACHABLE, Reason.IMGUR_TIMEOUT})
"""Reasons of failures without any answer of Imgur's."""


class RefusalScope(Enum):
    """What a refusal of Imgur's is about.

    IMAGE: the image. MAYBE_ALL: perhaps the application or the address, and so all images. ALL:
    that for certain.
    """

    IMAGE = auto()
    MAYBE_ALL = auto()
    ALL = auto()


class ImgurError(ImageError):
    """Imgur did not take the image.

    Attributes:
        maybe_stored: it may have taken it all the same, and only the answer was lost.
        scope: what it is about.
        sentence: Imgur's own, fit to be shown; empty if there is none.
    """

    maybe_stored: bool = False
    scope: RefusalScope = RefusalScope.IMAGE
    sentence: str = ""

    def about(self, scope: RefusalScope, sentence: str = "") -> Self:
        """The same error, with what it is about."""
        self.scope, self.sentence = scope, sentence
        return self


class OutcomeUnknownError(ImgurError):
    """The image was sent, and no response shows whether Imgur has it."""

    maybe_stored = True


class RateLimitedError(ImgurError):
    """Imgur asks everybody to wait: all workers pause, and the URL keeps its attempts.

    Args:
        message: one sentence for a person.
        pause_seconds: how long, from now, nothing should be uploaded; None if it did not say.
    """

    def __init__(self, message: str, *, pause_seconds: float | None) -> None:
        super().__init__(
            Reason.IMGUR_RATE_LIMITED, message, transient=True, retry_after=pause_seconds
        )
        self.pause_seconds = pause_seconds


class JournalError(Exception):
    """A journal cannot be used; the text is one sentence that says why."""


class JournalFullError(JournalError):
    """A record could not be put on the disk.

    Args:
        why: the system's error.
        maybe_kept: it was written and only the disk did not confirm it, so a restart may find it.
    """

    def __init__(self, why: str, *, maybe_kept: bool) -> None:
        super().__init__(why)
        self.maybe_kept = maybe_kept
