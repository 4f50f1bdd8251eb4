"""The wait that a Retry-After header asks for (RFC 9110, section 10.2.3)."""

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

_EPOCH_FROM = 10 * 365 * 24 * 3600.0  # a larger number is a time, not a duration
_LONGEST_NUMBER = 20  # digits; further ones are ignored

_SECONDS = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
# "Tue, 14 Nov 2023 …", "Tuesday, 14-Nov-23 …": the comma belongs to the date.
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*", re.IGNORECASE)


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait, without an upper bound; a caller sets its own.

    A repeated header arrives as one value, joined with commas; the longest wait counts.

    Args:
        value: seconds or a date, or several of them.
        now: seconds since the epoch.

    Returns:
        None if there is no such header or nothing in it makes sense. 0 if the date has passed.
    """
    waits = [_wait(part, now) for part in _parts(value or "")]
    return max((wait for wait in waits if wait is not None), default=None)


def _parts(value: str) -> Iterator[str]:
    weekday = ""
    for piece in value.split(","):
        text = piece.strip()
        if _WEEKDAY.fullmatch(text):
            weekday = f"{text}, "
            continue
        yield weekday + text
        weekday = ""


def _wait(text: str, now: float) -> float | None:
    if _SECONDS.fullmatch(text):
        number = float(text[:_LONGEST_NUMBER])
        return max(0.0, number - now) if number > _EPOCH_FROM else number
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
