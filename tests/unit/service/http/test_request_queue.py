"""Clients take turns at the threads, and none has more than so many of them."""

from dataclasses import dataclass

import pytest

from service.http.request_queue import RequestQueue


@dataclass(frozen=True)
class Request:
    group: str
    number: int = 0

    def service(self) -> None:
        raise NotImplementedError

    cancel = service


def filled(most: int, requests: list[Request]) -> RequestQueue:
    queue = RequestQueue(most)
    for request in requests:
        queue.append(request)
    return queue


FLOOD = [Request("flood", number) for number in range(10)]
SINGLE = Request("single")


def test_whoever_comes_after_a_flood_has_the_next_turn() -> None:
    queue = filled(5, [*FLOOD, SINGLE])
    assert [queue.popleft() for _ in range(3)] == [FLOOD[0], SINGLE, FLOOD[1]]


def test_one_client_has_no_more_threads_than_it_may() -> None:
    queue = filled(2, FLOOD)
    assert [queue.popleft() for _ in range(2)] == FLOOD[:2]
    assert not queue
    queue.append(SINGLE)
    assert queue.popleft() == SINGLE
    assert not queue
    queue.release("flood")
    assert queue.popleft() == FLOOD[2]


def test_a_request_that_waits_takes_no_thread_of_its_client() -> None:
    queue = filled(1, FLOOD)
    queue.popleft()
    queue.release("flood")  # it waits
    assert queue.popleft() == FLOOD[1]
    queue.append(FLOOD[0])
    queue.resume("flood")  # and goes on, beyond the bound
    queue.release("flood")
    assert not queue
    queue.release("flood")
    assert queue.popleft() == FLOOD[2]


def test_nothing_is_left_of_clients_that_are_answered() -> None:
    queue = filled(2, FLOOD)
    for _ in FLOOD:
        queue.popleft()
        queue.release("flood")
    assert not queue
    assert not queue._threads
    assert not queue._waiting
    with pytest.raises(IndexError):
        queue.popleft()


def test_what_waits_is_dropped_at_the_end() -> None:
    queue = filled(1, FLOOD)
    queue.popleft()
    assert queue.drop_all() == FLOOD[1:]
    queue.release("flood")
    assert not queue
