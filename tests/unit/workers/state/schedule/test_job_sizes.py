import random

import pytest

from workers.state.schedule.job_sizes import JobSizes


def sizes(*jobs: tuple[int, int]) -> JobSizes:
    """Jobs, each with its stride and the URLs it has left."""
    found = JobSizes()
    for stride, urls in jobs:
        found.change(stride, 0, urls)
    return found


def exact(stride: int, urls: int, others: list[tuple[int, int]]) -> int:
    return urls - 1 + sum(min(left, urls * stride // its) for its, left in others)


def test_alone_a_job_has_its_own_urls_before_its_last_one() -> None:
    assert sizes((2, 1)).ahead(2, 1) == 0
    assert sizes((2, 100)).ahead(2, 100) == 99


@pytest.mark.parametrize(
    ("mine", "other", "ahead"),
    [
        ((2, 10), (2, 1000), 19),  # it has a turn for each of ours
        ((2, 1000), (2, 10), 1009),  # all of it comes first
        ((2, 10), (2, 10), 19),
        ((2, 10), (1, 1000), 29),  # a higher priority: two turns for each of ours
        ((2, 10), (4, 1000), 14),  # a lower one: every second time
    ],
)
def test_beside_another_job(mine: tuple[int, int], other: tuple[int, int], ahead: int) -> None:
    assert sizes(mine, other).ahead(*mine) == ahead


def test_jobs_that_end_no_longer_count() -> None:
    found = sizes((2, 10), (2, 3))
    for left in (3, 2, 1):
        found.change(2, left, left - 1)
    assert found.ahead(2, 10) == 9


def test_the_sum_of_many_is_close() -> None:
    chance = random.Random(1)
    jobs = [(chance.choice((1, 2, 4)), chance.randint(1, 5000)) for _ in range(300)]
    found = sizes(*jobs)
    for place, (stride, urls) in enumerate(jobs):
        true = exact(stride, urls, jobs[:place] + jobs[place + 1 :])
        assert true <= found.ahead(stride, urls) <= 1.5 * true + 1
