import pickle
from typing import Any, Protocol

import pytest

from workers.contract.derived import calls_of, derive
from workers.contract.state_calls import (
    RESTORE_SECONDS,
    JobTableCalls,
    MailboxCalls,
    RecoveryCalls,
)


class Shop(Protocol):
    def buy(self, what: str, count: int = 1) -> str: ...

    def wait(self, what: str, wait_seconds: float = 0.0) -> str: ...


def carry(methodname: str, args: Any, kwds: Any, *, wait_seconds: float) -> Any:
    return methodname, args, kwds, wait_seconds


@pytest.fixture
def shop() -> Any:
    return derive(Shop, carry)


def test_a_call_is_carried_as_it_was_made(shop: Any) -> None:
    assert shop.buy("tea") == ("buy", ("tea",), {}, 0.0)
    assert shop.buy("tea", count=3) == ("buy", ("tea",), {"count": 3}, 0.0)


def test_a_call_says_how_long_it_may_wait(shop: Any) -> None:
    assert shop.wait("tea", 5.0) == ("wait", ("tea", 5.0), {}, 5.0)
    assert shop.wait("tea", wait_seconds=5.0) == ("wait", ("tea",), {"wait_seconds": 5.0}, 5.0)
    assert shop.wait("tea") == ("wait", ("tea",), {}, 0.0)


def test_what_is_not_declared_is_not_there(shop: Any) -> None:
    with pytest.raises(AttributeError):
        shop.steal("tea")


def test_it_can_be_sent_to_another_process(shop: Any) -> None:
    sent = pickle.loads(pickle.dumps(shop))
    assert sent.wait("tea", 5.0) == shop.wait("tea", 5.0)
    assert pickle.loads(pickle.dumps(shop.buy))("tea") == shop.buy("tea")


def test_calls_of_the_state() -> None:
    assert {"put", "exchange", "stats"} <= set(calls_of(MailboxCalls))
    assert "claim" not in calls_of(MailboxCalls)
    assert set(calls_of(JobTableCalls)) == {
        "changes",
        "evict",
        "links",
        "links_removed",
        "listing",
        "unfinished",
    }


def test_a_long_journal_has_its_time() -> None:
    recovery: Any = derive(RecoveryCalls, carry)
    assert recovery.restore("path", None)[-1] == RESTORE_SECONDS
    assert recovery.close()[-1] == 0.0
    mailbox: Any = derive(MailboxCalls, carry)
    assert mailbox.exchange("worker", None, 7.0)[-1] == 7.0
