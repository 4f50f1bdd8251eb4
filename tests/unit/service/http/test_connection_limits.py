"""The soft limit of open files follows the hard one; transfers have a minimum rate."""

import resource

import pytest

from service.http.connection_limits import MinimumRate, raise_file_limit

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "raised_to"),
    [
        pytest.param(1024, 4096, 4096, id="to the hard limit"),
        pytest.param(1024, 1_048_576, 65_536, id="no further than is of use"),
        pytest.param(1024, INFINITE, 65_536, id="no hard limit"),
        pytest.param(4096, 4096, None, id="nothing left to raise"),
        pytest.param(100_000, 1_048_576, None, id="never lowered"),
        pytest.param(INFINITE, INFINITE, None, id="no limit at all"),
    ],
)
def test_raises_the_limit(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised_to: int | None
) -> None:
    calls: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: calls.append((which, limits)))

    raise_file_limit()

    expected = [] if raised_to is None else [(resource.RLIMIT_NOFILE, (raised_to, hard))]
    assert calls == expected


def late_at(amounts: list[int], *, begin: int = 0) -> int | None:
    """The second in which 10 bytes a second over 10 seconds were not kept to."""
    rate, total = MinimumRate(10, 10), begin
    rate.begin(total)
    for second, amount in enumerate(amounts, 1):
        total += amount
        if rate.is_late(total, 1.0):
            return second
    return None


def test_a_steady_transfer_goes_on() -> None:
    assert late_at([10] * 1000) is None
    assert late_at([10] * 1000, begin=5000) is None


def test_so_does_one_that_pauses() -> None:
    assert late_at(([0] * 9 + [100]) * 100) is None


def test_silence_ends() -> None:
    assert late_at([0] * 100) == 11


def test_a_fast_beginning_buys_no_silence() -> None:
    assert late_at([1_000_000] + [0] * 100) == 1 + 11


def test_half_the_rate_takes_twice_as_long_to_be_late() -> None:
    assert late_at([5] * 100) == 21


def test_a_count_that_falls_for_once_is_no_silence() -> None:
    rate = MinimumRate(10, 10)
    rate.begin(1000)
    assert not any(rate.is_late(total, 1.0) for total in (1010, 10, 1020, 1030))
    assert [rate.is_late(1030, 1.0) for _ in range(10)] == [False] * 9 + [True]


def test_what_was_late_may_begin_again() -> None:
    rate = MinimumRate(10, 10)
    assert rate.is_late(0, 11.0)
    rate.begin(0)
    assert not rate.is_late(0, 9.0)
