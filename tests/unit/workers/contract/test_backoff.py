import pytest

from workers.contract.backoff import Backoff

TRIES = 200  # draws; each must keep to the bounds


@pytest.mark.parametrize(
    ("attempt", "bound"),
    [
        pytest.param(1, 0.5, id="first"),
        pytest.param(2, 1.0, id="doubles"),
        pytest.param(5, 8.0, id="and doubles"),
        pytest.param(8, 60.0, id="capped"),
        pytest.param(100_000, 60.0, id="no overflow"),
    ],
)
def test_is_drawn_from_the_upper_half_of_the_bound(attempt: int, bound: float) -> None:
    delays = [Backoff().delay(attempt) for _ in range(TRIES)]

    assert all(bound / 2 <= delay <= bound for delay in delays)
    assert len(set(delays)) > 1, "drawn by lot"


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        pytest.param(30.0, 30.0, 30.0, id="longer than the draw"),
        pytest.param(0.1, 0.25, 0.5, id="shorter than the draw"),
        pytest.param(0.0, 0.25, 0.5, id="at once"),
        pytest.param(None, 0.25, 0.5, id="not asked"),
        pytest.param(3600.0, 3600.0, 3600.0, id="beyond the cap"),
    ],
)
def test_what_the_other_side_asked_for_is_never_undercut(
    retry_after: float | None, least: float, most: float
) -> None:
    for _ in range(TRIES):
        assert least <= Backoff().delay(1, retry_after) <= most


def test_base_and_cap_are_settings() -> None:
    backoff = Backoff(base_seconds=4.0, cap_seconds=5.0)

    assert 2.0 <= backoff.delay(1) <= 4.0
    assert 2.5 <= backoff.delay(2) <= 5.0
