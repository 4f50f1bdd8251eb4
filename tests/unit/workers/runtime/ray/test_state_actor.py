"""The state actor's class, without Ray."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from workers.contract.download_policy import DownloadPolicy
from workers.contract.errors import JournalError
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.jobs import ChangesWanted, JobStatus
from workers.contract.messages.submission import Submission
from workers.contract.worker_config import WorkerConfig
from workers.runtime.backend_config import BackendConfig
from workers.runtime.ray.state_actor import BackendState
from workers.runtime.scaling import ScalingRules

CONFIG = BackendConfig(
    worker_count=3,
    max_queued_urls=100,
    worker=WorkerConfig(
        lanes=2,
        max_attempts=1,
        download=DownloadPolicy(),
        imgur=ImgurAccess(api_url="http://127.0.0.1:1", client_id="secret-id"),
    ),
)


def _call(state: BackendState, target: str, method: str, *args: object, **kwds: object) -> object:
    return pickle.loads(state.call(pickle.dumps((target, method, args, kwds))))


@pytest.fixture
def state() -> BackendState:
    opened = BackendState()
    opened.open(CONFIG, None)
    return opened


def test_the_mailbox_and_the_job_table_are_of_one_state(state: BackendState) -> None:
    assert _call(state, "mailbox", "put", Submission("job", ("http://a/1",))) is None
    changes = _call(state, "job_table", "changes", ChangesWanted("job"))
    assert changes is not None
    assert changes.status is JobStatus.PENDING  # type: ignore[attr-defined]


def test_whoever_comes_second_finds_the_state_and_is_told_what_differs() -> None:
    state = BackendState()
    first = state.open(CONFIG, None)
    assert first.is_new
    worker = replace(CONFIG.worker, lanes=9, imgur=replace(CONFIG.worker.imgur, client_id="other"))
    second = state.open(replace(CONFIG, worker_count=7, worker=worker), None)
    assert not second.is_new
    assert second.backend_id == first.backend_id
    # By name: the values may be secrets.
    assert second.differing == ("worker_count", "worker.lanes", "worker.imgur")
    assert state.facts().config == CONFIG
    assert state.open(CONFIG, None).differing == ()


def test_a_state_that_nobody_has_opened_says_so() -> None:
    with pytest.raises(RuntimeError, match="not opened"):
        BackendState().facts()


def test_a_journal_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text("no journal")
    with pytest.raises(JournalError):
        BackendState().open(replace(CONFIG, journal_path=str(journal)), None)


def test_the_number_of_workers_outlives_its_supervisor(state: BackendState) -> None:
    assert state.begin_supervision() == 0
    assert state.workers_wanted() == 3
    assert state.scale(5) == 5
    assert state.begin_supervision() == 1
    assert state.look_after() == 5


def test_more_workers_than_there_may_be_are_refused() -> None:
    state = BackendState()
    state.open(replace(CONFIG, scaling=ScalingRules(maximum=4)), None)
    with pytest.raises(ValueError, match="5 workers"):
        state.scale(5)
    assert state.look_after() == 3
