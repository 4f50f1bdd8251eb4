import random
import threading
from typing import Any

import pytest

from service.middleware.rate_limit import RateLimiter, whole_seconds
from service.settings.values import RateLimit
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(clock: Clock, rate: str = "60/minute", **more: Any) -> RateLimiter:
    return RateLimiter(RateLimit.parse(rate), clock=clock, **more)


def granted(limiter: RateLimiter, client: str = "a") -> bool:
    return limiter.take(client).is_granted


def test_a_full_bucket_holds_a_period(clock: Clock) -> None:
    limiter = make(clock)
    assert [granted(limiter) for _ in range(61)] == [True] * 60 + [False]


def test_a_burst_of_its_own(clock: Clock) -> None:
    limiter = make(clock, burst=3)
    assert [granted(limiter) for _ in range(4)] == [True] * 3 + [False]
    clock.now += 1.0  # one token, not three
    assert [granted(limiter) for _ in range(2)] == [True, False]


def test_tokens_come_at_a_steady_rate(clock: Clock) -> None:
    limiter = make(clock, "3/second", burst=1)
    accepted = 0
    for _ in range(1000):
        accepted += granted(limiter)
        clock.now += 0.01
    assert 29 <= accepted <= 31


@pytest.mark.parametrize("seed", range(5))
def test_never_more_than_the_burst_and_the_rate(clock: Clock, seed: int) -> None:
    """Over any stretch of time: at most the burst, and what has come since."""
    chance = random.Random(seed)
    limiter = make(clock, "7/second", burst=5)
    times = []
    for _ in range(2000):
        clock.now += chance.expovariate(20)
        if granted(limiter):
            times.append(clock.now)
    for start in range(0, len(times), 17):
        for end in range(start, min(start + 100, len(times))):
            assert end - start + 1 <= 5 + (times[end] - times[start]) * 7 + 1e-3


def test_what_the_admission_says_is_true(clock: Clock) -> None:
    limiter = make(clock, burst=2)
    first = limiter.take("a")
    assert (first.is_granted, first.remaining) == (True, 1)
    assert first.full_seconds == pytest.approx(1.0)
    assert first.retry_seconds == 0.0
    limiter.take("a")
    clock.now += 0.25
    refused = limiter.take("a")
    assert (refused.is_granted, refused.remaining) == (False, 0)
    assert refused.retry_seconds == pytest.approx(0.75)
    assert refused.full_seconds == pytest.approx(1.75)
    clock.now += refused.retry_seconds
    assert granted(limiter)


def test_refused_requests_cost_nothing(clock: Clock) -> None:
    limiter = make(clock, burst=1)
    assert granted(limiter)
    assert not any(granted(limiter) for _ in range(50))
    clock.now += 1.0
    assert granted(limiter)


def test_clients_do_not_share(clock: Clock) -> None:
    limiter = make(clock, burst=1)
    assert granted(limiter, "a")
    assert granted(limiter, "b")
    assert not granted(limiter, "a")


def test_full_buckets_are_forgotten(clock: Clock) -> None:
    limiter = make(clock, burst=1)
    for number in range(500):
        limiter.take(f"client {number}")
    assert len(limiter._full_at) == 500
    clock.now += 1.0
    limiter.take("another")
    assert len(limiter._full_at) == 1


def test_a_client_that_comes_back_is_not_forgotten(clock: Clock) -> None:
    limiter = make(clock, burst=2)
    limiter.take("a")
    limiter.take("b")
    limiter.take("a")
    clock.now += 1.0
    limiter.take("c")  # b's bucket is full, and a's is not
    assert granted(limiter, "a")
    assert not granted(limiter, "a")


def test_memory_is_bounded(clock: Clock) -> None:
    limiter = make(clock, burst=1, max_buckets=100)
    for number in range(1000):
        limiter.take(f"client {number}")
    assert len(limiter._full_at) == 100
    assert not granted(limiter, "client 999")


def test_threads_together_get_no_more_than_there_is(clock: Clock) -> None:
    limiter = make(clock, "500/hour")
    counts = []

    def ask() -> None:
        counts.append(sum(granted(limiter) for _ in range(200)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 500


@pytest.mark.parametrize(
    ("seconds", "whole"), [(0.0, 0), (0.2, 1), (1.0, 1), (1.0000000001, 1), (1.1, 2)]
)
def test_seconds_are_rounded_up(seconds: float, whole: int) -> None:
    assert whole_seconds(seconds) == whole


@pytest.mark.parametrize("text", ["1/second", "60/minute", "1000/hour"])
def test_a_rate_reads_back(text: str) -> None:
    assert str(RateLimit.parse(text)) == text
