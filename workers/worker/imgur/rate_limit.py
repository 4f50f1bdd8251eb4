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
from collections.abc import Iterable, Mapping

from workers.contract.quota import UPLOAD_COSTS, LimitState, Quota
from workers.contract.retry_after import retry_after

DEFAULT_SECONDS = 60.0
"""The wait after an upload that used a limit up which does not say until when."""

LONGEST_SECONDS = 24 * 3600.0
"""Imgur's longest period is a day; a longer wait is a misinterpretation."""

_SHORTEST_SECONDS = 1.0  # for a reset due now or just past

_EPOCH_FROM = 10 * 365 * 24 * 3600.0  # a larger number is a time, not a duration

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_COUNT = re.compile(r"-?\d{1,15}", re.ASCII)  # below 0: overdrawn
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


def read_quota(headers: Mapping[str, str], now: float) -> Quota:
    """Return the quota of a response.

    Args:
        headers: of a response.
        now: seconds since the epoch.
    """
    return Quota(**{name: _state(headers, prefix, now) for name, prefix in _PREFIXES.items()})


def pause_after_upload(quota: Quota) -> float | None:
    """Return the seconds until another upload is possible; None if it is now.

    Args:
        quota: of the response to a successful upload.
    """
    spent = spent_limits(quota)
    return max(_resets(spent), default=DEFAULT_SECONDS) if spent else None


def pause_after_refusal(
    quota: Quota, headers: Mapping[str, str], sentence: str, now: float
) -> float | None:
    """Return the seconds to wait after Imgur refused an upload because of a limit.

    Args:
        quota: of the refusal.
        headers: of the refusal.
        sentence: of Imgur; may be empty.
        now: seconds since the epoch.

    Returns:
        None when nothing in it says how long.
    """
    asked, spoken = wait_asked_for(headers, now), _spoken_wait(sentence)
    said = [wait for wait in (asked, spoken) if wait is not None] + _resets(spent_limits(quota))
    if said:
        return max(said)
    limits = quota.known().values()
    return min(_resets(limit for limit in limits if limit.remaining is None), default=None)


def spent_limits(quota: Quota) -> list[LimitState]:
    """Return the limits with too little left for an upload."""
    limits = ((getattr(quota, name), cost) for name, cost in UPLOAD_COSTS.items())
    return [each for each, cost in limits if each.remaining is not None and each.remaining < cost]


def wait_asked_for(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds of Retry-After, from 1 to `LONGEST_SECONDS`; or None."""
    wait = retry_after(headers.get("Retry-After"), now)
    return None if wait is None else _bounded(wait)


def _state(headers: Mapping[str, str], prefix: str, now: float) -> LimitState:
    limit, remaining = _count(headers, f"{prefix}Limit"), _count(headers, f"{prefix}Remaining")
    return LimitState(limit, remaining, _reset(headers.get(f"{prefix}Reset", "").strip(), now))


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if _COUNT.fullmatch(text) else None


def _reset(text: str, now: float) -> float | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return _bounded(number - now if number > _EPOCH_FROM else number)


def _resets(limits: Iterable[LimitState]) -> list[float]:
    return [limit.reset_seconds for limit in limits if limit.reset_seconds is not None]


def _spoken_wait(sentence: str) -> float | None:
    match = _SPOKEN_WAIT.search(sentence)
    return _bounded(float(match[1]) * _UNIT_SECONDS[match[2].lower()]) if match else None


def _bounded(seconds: float) -> float:
    return min(LONGEST_SECONDS, max(_SHORTEST_SECONDS, seconds))
