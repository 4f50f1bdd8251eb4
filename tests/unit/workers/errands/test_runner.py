"""One errand, whatever happens, ends in an outcome and a line of the log."""

import pytest
import structlog

from workers.board import BoardLostError
from workers.errands.messages import (
    Done,
    Errand,
    ErrandKind,
    ErrandOutcome,
    ErrandReceipt,
    PutOff,
    Undone,
)
from workers.errands.runner import ErrandRunner
from workers.errors import ImgurError, RateLimitedError, Reason

WEBHOOK = Errand(1, ErrandKind.WEBHOOK, "j", 0, 2, "https://client.test/hook?key=s3cret", b"{}")
DELETION = Errand(1, ErrandKind.DELETION, "j", 3, 1, "s3cret-hash")


class Both:
    """The other ends: they do what they are told to."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def send(self, url: str, job_id: str, body: bytes, trace_parent: str = "") -> ErrandOutcome:
        self.asked += [url, job_id, body.decode(), trace_parent]
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, Done | Undone)
        return self.answer

    def delete(self, deletehash: str) -> float | None:
        self.asked.append(deletehash)
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, float | None)
        return self.answer


def run(errand: Errand, answer: object) -> ErrandOutcome:
    both = Both(answer)
    outcome = ErrandRunner(both, both).run(errand)
    assert both.asked[0] == errand.target
    return outcome


def test_each_kind_goes_its_way() -> None:
    assert run(WEBHOOK, Done(204)) == Done(204)
    assert run(DELETION, None) == Done()
    assert run(DELETION, 30.0) == Done(pause_seconds=30.0)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RateLimitedError("wait", pause_seconds=9.0), PutOff("wait", 9.0)),
        (
            ImgurError(Reason.IMGUR_ERROR, "down", transient=True, retry_after=5.0),
            Undone("imgur-error", "down", retry_after=5.0),
        ),
        (ImgurError(Reason.IMGUR_FORBIDDEN, "no"), Undone("imgur-forbidden", "no", is_final=True)),
    ],
)
def test_what_imgur_says(error: Exception, outcome: ErrandOutcome) -> None:
    assert run(DELETION, error) == outcome


@pytest.mark.parametrize("errand", [WEBHOOK, DELETION])
def test_a_bug_ends_the_errand_and_not_the_lane(errand: Errand) -> None:
    outcome = run(errand, ValueError("bug"))
    assert isinstance(outcome, Undone)
    assert (outcome.reason, outcome.is_final) == ("internal-error", True)


def test_a_lost_board_is_nobodys_outcome() -> None:
    with pytest.raises(BoardLostError):
        run(WEBHOOK, BoardLostError("gone"))


@pytest.mark.parametrize(
    ("outcome", "receipt", "event", "level"),
    [
        (Done(200), ErrandReceipt(accepted=True), "errand done", "info"),
        (
            Undone("refused", "no", 503),
            ErrandReceipt(accepted=True, retry_seconds=5.04),
            "errand will be tried again",
            "info",
        ),
        (Undone("refused", "no", 410), ErrandReceipt(accepted=True), "errand failed", "warning"),
        (
            PutOff("wait", 9.0),
            ErrandReceipt(accepted=True, retry_seconds=0.0),
            "errand put off",
            "warning",
        ),
        (
            Done(200),
            ErrandReceipt(accepted=False),
            "errand refused: it had passed to another worker",
            "warning",
        ),
    ],
)
def test_it_is_logged_without_secrets(
    outcome: ErrandOutcome, receipt: ErrandReceipt, event: str, level: str
) -> None:
    for errand in (WEBHOOK, DELETION):
        with structlog.testing.capture_logs() as logs:
            runner = ErrandRunner(Both(), Both())
            runner.tell(errand, outcome, receipt)
        (line,) = logs
        assert (line["event"], line["log_level"]) == (event, level)
        assert (line["job_id"], line["attempt"]) == ("j", errand.attempt)
        assert "s3cret" not in repr(line)
