"""What is limited is shared so that there is always some left for who comes."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from workers.contract.shares import Shares, share_left


@pytest.mark.parametrize(
    ("used", "held", "left"),
    [
        (0, 0, 100),  # who comes first may take it all
        (1, 1, 49),  # later a half
        (50, 50, 0),
        (50, 0, 25),
        (75, 25, 0),
        (100, 0, 0),
        (130, 0, 0),  # the limit was lowered
    ],
)
def test_what_is_left_of_a_hundred(used: int, held: int, left: int) -> None:
    assert share_left(100, used, held) == left


@pytest.mark.unmeasured
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 30)), max_size=50))
def test_each_of_n_holds_a_part_of_n_and_one_and_the_last_part_is_free(
    wishes: list[tuple[str, int]],
) -> None:
    limit = 1000
    shares = Shares()
    for tenant, amount in wishes:
        if amount <= share_left(limit, shares.total, shares.of(tenant)):
            shares.add(tenant, amount)
        assert shares.of(tenant) <= limit - shares.total
    assert limit - shares.total >= limit // (len(shares._held) + 1)
    for tenant in "abcd":
        shares.add(tenant, -shares.of(tenant))
    assert (shares.total, len(shares._held)) == (0, 0)
