import pickle
import threading
import time

import pytest

from tests.clock import Clock
from workers.contract.tokens import TokenAnswer
from workers.state.token_store import PERMIT_SECONDS, TokenStore

HOUR = 3600.0


@pytest.fixture
def ticks() -> Clock:
    return Clock()


@pytest.fixture
def store(ticks: Clock) -> TokenStore:
    return TokenStore(ticks)


def ask(store: TokenStore, stale: int | None = None) -> TokenAnswer:
    return store.token(stale, 0.0)


def permit(store: TokenStore, stale: int | None = None) -> int:
    answer = ask(store, stale)
    assert answer.permit is not None
    return answer.permit


def fill(store: TokenStore, token: str = "first", life: float = HOUR) -> int:
    store.refreshed(permit(store), token, life, None)
    return ask(store).generation


def test_the_first_to_ask_gets_a_permit_and_no_token(store: TokenStore) -> None:
    answer = ask(store)
    assert answer.permit is not None
    assert answer.access_token is None
    assert answer.refresh_token is None


def test_only_one_refresh_at_a_time(store: TokenStore) -> None:
    permit(store)
    second = ask(store)
    assert second.permit is None
    assert second.access_token is None
    assert second.error
    assert second.is_transient


def test_a_token_is_handed_to_everybody(store: TokenStore) -> None:
    store.refreshed(permit(store), "first", HOUR, None)
    answers = [ask(store) for _ in range(3)]
    assert {answer.access_token for answer in answers} == {"first"}
    assert {answer.permit for answer in answers} == {None}
    assert answers[0].fresh_seconds == pytest.approx(HOUR - 300)


def test_a_rotated_refresh_token_goes_with_the_next_permit(store: TokenStore, ticks: Clock) -> None:
    store.refreshed(permit(store), "first", HOUR, "rotated")
    ticks.now += HOUR
    assert ask(store).refresh_token == "rotated"


def test_a_refresh_that_names_no_refresh_token_keeps_the_last(
    store: TokenStore, ticks: Clock
) -> None:
    store.refreshed(permit(store), "first", HOUR, "rotated")
    ticks.now += HOUR
    store.refreshed(permit(store), "second", HOUR, None)
    ticks.now += HOUR
    assert ask(store).refresh_token == "rotated"


def test_near_its_end_one_renews_while_others_go_on(store: TokenStore, ticks: Clock) -> None:
    fill(store)
    ticks.now += HOUR - 301
    assert ask(store).permit is None
    ticks.now += 2
    renewing = ask(store)
    assert renewing.permit is not None
    assert renewing.access_token == "first"
    other = ask(store)
    assert (other.permit, other.access_token, other.fresh_seconds) == (None, "first", 0.0)
    store.refreshed(renewing.permit, "second", HOUR, None)
    assert ask(store).access_token == "second"


def test_a_failed_renewal_leaves_the_token_in_use_to_its_end(
    store: TokenStore, ticks: Clock
) -> None:
    fill(store)
    ticks.now += HOUR - 100
    store.refresh_failed(permit(store), TokenAnswer(error="no"))
    assert ask(store).access_token == "first"
    ticks.now += 100
    ended = ask(store)
    assert (ended.access_token, ended.error, ended.is_transient) == (None, "no", False)


@pytest.mark.parametrize("life", [1.0, 10.0, 100.0])
def test_a_short_lived_token_serves_nine_tenths_of_its_life(
    store: TokenStore, ticks: Clock, life: float
) -> None:
    fill(store, life=life)
    ticks.now += life * 0.89
    assert ask(store).permit is None
    ticks.now += life * 0.02
    assert ask(store).permit is not None


def test_a_refused_token_is_replaced_once(store: TokenStore) -> None:
    generation = fill(store)
    fetching = permit(store, stale=generation)
    # Two more were refused with the same token meanwhile: they wait, and get the new one.
    assert ask(store, stale=generation).permit is None
    store.refreshed(fetching, "second", HOUR, None)
    late = ask(store, stale=generation)
    assert (late.access_token, late.permit) == ("second", None)


def test_a_generation_that_never_was_is_not_stale(store: TokenStore) -> None:
    generation = fill(store)
    assert ask(store, stale=generation + 1).access_token == "first"
    assert ask(store, stale=0).access_token == "first"


def test_a_permit_expires_with_its_holder(store: TokenStore, ticks: Clock) -> None:
    dead = permit(store)
    ticks.now += PERMIT_SECONDS - 0.1
    assert ask(store).permit is None
    ticks.now += 0.2
    alive = permit(store)
    assert alive > dead


def test_a_late_token_counts_until_a_younger_permit_has_brought_one(
    store: TokenStore, ticks: Clock
) -> None:
    late = permit(store)
    ticks.now += PERMIT_SECONDS
    young = permit(store)
    store.refreshed(late, "late", HOUR, "rotated-late")
    assert ask(store).access_token == "late"
    store.refreshed(young, "young", HOUR, None)
    assert ask(store).access_token == "young"
    store.refreshed(late, "again", HOUR, None)
    assert ask(store).access_token == "young"


def test_a_failure_under_an_overtaken_permit_is_ignored(store: TokenStore, ticks: Clock) -> None:
    late = permit(store)
    ticks.now += PERMIT_SECONDS
    young = permit(store)
    store.refresh_failed(late, TokenAnswer(error="late"))
    assert ask(store).error != "late"
    store.refreshed(late, "late", HOUR, None)
    # The younger one failed because the late one had replaced the refresh token.
    store.refresh_failed(young, TokenAnswer(error="young"))
    assert ask(store).access_token == "late"


def test_a_late_token_ends_the_trouble_of_a_younger_permit(store: TokenStore, ticks: Clock) -> None:
    late = permit(store)
    ticks.now += PERMIT_SECONDS
    store.refresh_failed(permit(store), TokenAnswer(error="young"))
    store.refreshed(late, "late", 100.0, None)
    ticks.now += 95
    assert ask(store).permit is not None


def test_a_permit_never_granted_counts_for_nothing(store: TokenStore) -> None:
    store.refreshed(1, "forged", HOUR, None)
    assert ask(store).access_token is None
    store.refreshed(99, "forged", HOUR, None)
    store.refresh_failed(99, TokenAnswer(error="forged"))
    assert ask(store).access_token is None


@pytest.mark.parametrize(("transient", "seconds"), [(True, 5.0), (False, 300.0)])
def test_a_failure_is_remembered_for_a_while(
    store: TokenStore,
    ticks: Clock,
    transient: bool,  # noqa: FBT001 - a table's column
    seconds: float,
) -> None:
    store.refresh_failed(permit(store), TokenAnswer(error="no token", is_transient=transient))
    told = ask(store)
    assert (told.permit, told.error, told.is_transient) == (None, "no token", transient)
    assert told.retry_after == seconds
    ticks.now += seconds - 0.1
    assert ask(store).permit is None
    ticks.now += 0.2
    assert ask(store).permit is not None


def test_tokens_refused_as_soon_as_they_come_are_not_fetched_for_ever(
    store: TokenStore, ticks: Clock
) -> None:
    generation = fill(store)
    for _ in range(2):
        ticks.now += 1
        store.refreshed(permit(store, stale=generation), "more", HOUR, None)
        generation = ask(store).generation
    told = ask(store, stale=generation)
    assert (told.permit, told.access_token, told.is_transient) == (None, None, False)
    assert "just given out" in str(told.error)
    ticks.now += 61
    store.refreshed(permit(store), "mended", HOUR, None)
    # From now on a refusal a minute apart is ordinary again.
    assert ask(store, stale=ask(store).generation).permit is not None


def test_a_waiting_worker_gets_the_token_as_soon_as_it_comes() -> None:
    store = TokenStore()
    fetching = permit(store)
    answers: list[TokenAnswer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(store.token(None, 600.0))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    store.refreshed(fetching, "first", HOUR, None)
    for thread in threads:
        thread.join(60)
    assert [answer.access_token for answer in answers] == ["first"] * 8


def test_a_waiting_worker_is_told_of_the_failure() -> None:
    store = TokenStore()
    fetching = permit(store)
    answers: list[TokenAnswer] = []
    thread = threading.Thread(target=lambda: answers.append(store.token(None, 600.0)))
    thread.start()
    store.refresh_failed(fetching, TokenAnswer(error="wrong"))
    thread.join(60)
    assert [answer.error for answer in answers] == ["wrong"]


def test_waiting_ends_in_time() -> None:
    store = TokenStore()
    permit(store)
    began = time.monotonic()
    answer = store.token(None, 0.05)
    assert time.monotonic() - began >= 0.05
    assert answer.is_transient


def test_of_many_at_once_exactly_one_refreshes() -> None:
    store = TokenStore()
    start = threading.Barrier(16)
    tokens: list[str | None] = []
    refreshes: list[int] = []

    def work() -> None:
        start.wait(60)
        answer = store.token(None, 600.0)
        if answer.permit is not None:
            refreshes.append(answer.permit)
            store.refreshed(answer.permit, "first", HOUR, None)
            answer = store.token(None, 600.0)
        tokens.append(answer.access_token)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert tokens == ["first"] * 16
    assert len(refreshes) == 1


def test_answers_travel_and_hide_their_secrets() -> None:
    answer = TokenAnswer("acc3ss", 1, permit=2, refresh_token="r3fresh")
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert "acc3ss" not in repr(answer)
    assert "r3fresh" not in repr(answer)
