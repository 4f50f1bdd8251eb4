import gc
import threading

from workers.worker.http.byte_budget import BudgetedBuffer, ByteBudget


def left(budget: ByteBudget, total: int) -> int:
    """The most that can be had."""
    for count in range(total, 0, -1):
        if budget.take(count):
            budget.release(count)
            return count
    return 0


def test_no_more_is_lent_than_there_is() -> None:
    budget = ByteBudget(10)
    assert budget.take(6)
    assert not budget.take(5)
    assert budget.take(4)
    assert not budget.take(1)
    budget.release(6)
    assert left(budget, 10) == 6


def test_a_closed_file_gives_its_bytes_back_once() -> None:
    budget = ByteBudget(10)
    assert budget.take(4)
    file = BudgetedBuffer(budget, b"abcd")
    assert file.extend(3)
    assert not file.extend(4)
    assert left(budget, 10) == 3
    file.close()
    file.close()
    assert left(budget, 20) == 10


def test_a_forgotten_file_gives_its_bytes_back() -> None:
    budget = ByteBudget(10)
    budget.take(4)
    file = BudgetedBuffer(budget, b"abcd")
    file.itself = file  # type: ignore[attr-defined] # a cycle: only the collector ends it
    del file
    # While another thread is in a collection, this one does nothing and returns 0.
    while left(budget, 10) < 10:  # the test's own time limit ends it
        gc.collect()


def test_lanes_share_it() -> None:
    budget = ByteBudget(8)
    most = 0

    def lane() -> None:
        nonlocal most
        for _ in range(2_000):
            if budget.take(3):
                held.append(3)
                most = max(most, len(held))
                held.pop()
                budget.release(3)

    held: list[int] = []
    threads = [threading.Thread(target=lane) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    assert left(budget, 20) == 8
