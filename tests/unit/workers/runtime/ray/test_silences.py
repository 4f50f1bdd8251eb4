"""When a state actor counts as lost; without Ray."""

import pytest

from tests.clock import Clock
from workers.contract.backend import BackendLostError
from workers.runtime.deadline_proxy import CALL_SECONDS
from workers.runtime.ray.silences import Silences, StateLostError, StateSilentError

SILENT = StateSilentError("It does not answer.")


def call(silences: Silences, error: BackendLostError | None = None) -> None:
    with silences.borne():
        if error is not None:
            raise error


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def silences(clock: Clock) -> Silences:
    return Silences(clock)


def test_the_third_call_that_waited_in_vain_is_one_too_many(
    silences: Silences, clock: Clock
) -> None:
    for _ in range(2):
        clock.now += CALL_SECONDS
        call(silences, SILENT)
    clock.now += CALL_SECONDS
    with pytest.raises(BackendLostError):
        call(silences, SILENT)


def test_calls_that_fail_at_once_are_borne_as_long(silences: Silences, clock: Clock) -> None:
    for _ in range(int(2 * CALL_SECONDS)):
        call(silences, SILENT)
        clock.now += 1.0
    with pytest.raises(BackendLostError):
        call(silences, SILENT)


def test_a_response_ends_it(silences: Silences, clock: Clock) -> None:
    for _ in range(9):
        clock.now += CALL_SECONDS
        call(silences, SILENT)
        call(silences)
    assert silences.count == 0


def test_a_state_that_is_gone_is_lost_at_once(silences: Silences) -> None:
    with pytest.raises(BackendLostError):
        call(silences, StateLostError("It is gone."))
