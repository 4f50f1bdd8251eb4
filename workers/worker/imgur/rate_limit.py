"""Interprets Imgur's rate limits: the wait before another upload.

A response may have several limits: POST requests an hour and an address
(``X-Post-Rate-Limit-*``), credits an hour and a user, credits a day and an application
(``X-RateLimit-User*``, ``-Client*``); besides them Retry-After, and a sentence ("Please wait 59
more minutes."). Which of them counts:

* After a success only a limit that has too little left for another upload. If several have, the
  last of them to be reset: until then one of them would refuse.
* After a refusal Retry-After and the sentence speak of this very refusal, and limits with too
  little left would refuse too: the longest of these waits.
* If none of these is given, but resets are without a count of what is left, any of them may be
  the cause: the shortest. Too short a wait costs one more refusal, too long a wait could stop all
  uploads for a day.
* If there is nothing at all, nobody knows: pauses grow then, see `workers.state.quota.pauses`. A
  reset of a limit with enough left says only when it will be full again and counts for nothing
  (ShareX/ShareX#7141: refused with nearly full counters, for weeks).

Imgur's documentation calls the resets epoch times; its answers are seen to hold seconds from now
(X-RateLimit-UserReset: 3600). Both are understood.
"""

import re
from collections.abc import Mapping

from workers.contract.quota import UPLOAD_COSTS, LimitState, Quota
from workers.contract.retry_after import retry_after

DEFAULT_SECONDS = 60.0
"""The wait after an upload that used a limit up which does not say until when."""

LONGEST_SECONDS = 24 * 3600.0
"""Imgur's longest period is a day; a longer wait is a misinterpretation."""

_SHORTEST_SECONDS = 1.0  # for a reset due now or just past

_EPOCH_FROM = 10 * 365 * 24 * 3600.0  # a larger number is a time, not a duration

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_COUNT = re.compile(r"-?\d{1,15}", re.ASCII)
_SPOKEN_WAIT = re.compile(
    r"\bwait (?:another )?(\d{1,6}) (?:more )?(second|minute|hour)", re.IGNORECASE
)
_UNIT_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}


_PREFIXES = {
    "client": "X-RateLimit-Client",
    "user": "X-RateLimit-User",
    "posts": "X-Post-Rate-Limit-",
}
"""How the headers of each limit begin; Limit, Remaining or Reset follows."""


def pause_after_upload(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds until another upload is possible; None if it is now.

    Args:
        headers: of the response to a successful upload.
        now: seconds since the epoch.
    """
    spent = _spent(headers)
    if not spent:
        return None
    waits = [_reset(headers, prefix, now) for prefix in spent]
    return _bounded(max((wait for wait in waits if wait is not None), default=DEFAULT_SECONDS))


def pause_after_refusal(headers: Mapping[str, str], sentence: str, now: float) -> float | None:
    """Seconds to wait after Imgur refused an upload because of a limit.

    Args:
        headers: of the refusal.
        sentence: of Imgur; may be empty.
        now: seconds since the epoch.

    Returns:
        None when nothing in it says how long.
    """
    firm = [
        wait_asked_for(headers, now),
        _spoken_wait(sentence),
        *(_reset(headers, prefix, now) for prefix in _spent(headers)),
    ]
    said = [wait for wait in firm if wait is not None]
    if said:
        return _bounded(max(said))
    uncounted = (each for each in _PREFIXES.values() if f"{each}Remaining" not in headers)
    waits = [_reset(headers, prefix, now) for prefix in uncounted]
    shortest = min((wait for wait in waits if wait is not None), default=None)
    return None if shortest is None else _bounded(shortest)


def read_quota(headers: Mapping[str, str], now: float) -> Quota:
    """Return the quota of a response.

    Args:
        headers: of a response.
        now: seconds since the epoch.
    """
    return Quota(**{name: _state(headers, prefix, now) for name, prefix in _PREFIXES.items()})


def is_used_up(headers: Mapping[str, str]) -> bool:
    """Return whether a limit of the headers has too little left for an upload."""
    return bool(_spent(headers))


def wait_asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of Retry-After, from 1 to `LONGEST_SECONDS`; or None."""
    wait = retry_after(headers.get("Retry-After"), now)
    return None if wait is None else _bounded(wait)


def _state(headers: Mapping[str, str], prefix: str, now: float) -> LimitState:
    wait = _reset(headers, prefix, now)
    return LimitState(
        limit=_count(headers.get(f"{prefix}Limit")),
        remaining=_count(headers.get(f"{prefix}Remaining")),
        reset_seconds=None if wait is None else _bounded(wait),
    )


def _count(value: str | None) -> int | None:
    text = value.strip() if value else ""
    return int(text) if text and _COUNT.fullmatch(text) else None


def _spent(headers: Mapping[str, str]) -> list[str]:
    """Prefixes of the limits with too little left for an upload."""
    return [
        prefix
        for name, prefix in _PREFIXES.items()
        if _is_less(headers.get(f"{prefix}Remaining", ""), UPLOAD_COSTS[name])
    ]


def _is_less(value: str, cost: int) -> bool:
    text = value.strip()
    if text.startswith("-"):  # overdrawn
        return _NUMBER.fullmatch(text[1:]) is not None
    return _NUMBER.fullmatch(text) is not None and float(text) < cost


def _reset(headers: Mapping[str, str], prefix: str, now: float) -> float | None:
    text = headers.get(f"{prefix}Reset", "").strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number - now if number > _EPOCH_FROM else number


def _spoken_wait(sentence: str) -> float | None:
    match = _SPOKEN_WAIT.search(sentence)
    return float(match[1]) * _UNIT_SECONDS[match[2].lower()] if match else None


def _bounded(seconds: float) -> float:
    return min(LONGEST_SECONDS, max(_SHORTEST_SECONDS, seconds))
