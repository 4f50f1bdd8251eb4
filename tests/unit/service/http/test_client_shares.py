from dataclasses import dataclass

import pytest

from service.http.client_shares import ClientShares


@dataclass(frozen=True)
class Holder:
    group: str
    number: int = 0


A1, A2, A3 = (Holder("a", number) for number in range(3))
B1, C1 = Holder("b"), Holder("c")


@pytest.mark.parametrize(
    ("held", "exceeded"),
    [
        ({}, False),
        ({A1: 3, B1: 3, C1: 4}, False),
        ({A1: 5, B1: 5}, False),
        ({A1: 5, B1: 5, C1: 1}, True),
        ({A1: 6}, True),
        ({A1: 3, A2: 3}, True),
    ],
)
def test_no_more_than_all_and_no_client_more_than_half(
    held: dict[Holder, int], *, exceeded: bool
) -> None:
    assert ClientShares(held, 10).are_exceeded is exceeded


def test_the_client_with_the_most_gives_first() -> None:
    shares = ClientShares({A1: 4, B1: 3, A2: 1, C1: 3}, 10)
    assert shares.first_to_give({B1: 0, A1: 2, A2: 1, C1: -1}) == A2
    assert shares.first_to_give({B1: 0, C1: -1}) == C1


def test_only_that_client_gives_where_there_is_room_for_the_others() -> None:
    shares = ClientShares({A1: 6, B1: 3}, 10)
    assert shares.first_to_give({B1: 0}) is None
    assert shares.first_to_give({B1: 0, A1: 7}) == A1


def test_nobody_gives_for_what_a_client_has_beyond_its_share() -> None:
    assert ClientShares({A1: 9, B1: 3}, 10).first_to_give({B1: 0}) is None
    assert ClientShares({A1: 9, B1: 3, C1: 3}, 10).first_to_give({B1: 0}) == B1


def test_nobody_gives_where_there_is_room() -> None:
    assert ClientShares({A1: 5, B1: 3}, 10).first_to_give({A1: 0, B1: 0}) is None


def test_one_place_is_enough_for_one() -> None:
    assert not ClientShares({A1: 1}, 1).are_exceeded
