"""How much of a job is told in one call."""

from bisect import bisect_right
from itertools import accumulate

from workers.contract.messages import CHANGES_A_CALL_BYTES


def fit_in_a_call(urls: tuple[str, ...]) -> tuple[str, ...]:
    """The first URLs, as many as have `CHANGES_A_CALL_BYTES`, and one in any case."""
    return urls[: max(1, bisect_right(list(accumulate(map(len, urls))), CHANGES_A_CALL_BYTES))]
