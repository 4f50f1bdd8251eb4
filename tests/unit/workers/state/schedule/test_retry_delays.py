import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from workers.state.schedule.retry_delays import RetryDelays


def test_they_come_back_in_the_order_of_their_times() -> None:
    delays = RetryDelays()
    assert delays.add(("j", 0), 5.0)
    assert delays.add(("j", 1), 3.0)
    assert not delays.add(("k", 0), 4.0)
    assert delays.next_due() == 3.0
    assert list(delays.pop_due(4.0)) == [("j", 1), ("k", 0)]
    assert len(delays) == 1
    assert list(delays.pop_due(4.0)) == []


def test_what_is_taken_out_does_not_come_back() -> None:
    delays = RetryDelays()
    for index in range(5):
        delays.add(("j", index), float(index))
        delays.add(("k", index), float(index))
        delays.add(("l", index), float(index))
    assert delays.remove("j") == set(range(5))
    assert delays.remove("j") == set()
    assert len(delays) == 10
    assert {job_id for job_id, _ in delays.pop_due(9.0)} == {"k", "l"}
    assert delays.next_due() == math.inf


@pytest.mark.unmeasured
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=50),
    st.lists(st.sampled_from("abc"), max_size=3),
)
def test_what_is_taken_out_is_not_kept_for_long(
    entries: list[tuple[str, float]], removed: list[str]
) -> None:
    delays = RetryDelays()
    for index, (job_id, due) in enumerate(entries):
        delays.add((job_id, index), due)
    for job_id in removed:
        delays.remove(job_id)
        assert len(delays._heap) <= 2 * len(delays)
    expected = sorted(
        (due, (job_id, index))
        for index, (job_id, due) in enumerate(entries)
        if job_id not in removed
    )
    assert list(delays.pop_due(100.0)) == [place for _, place in expected]
