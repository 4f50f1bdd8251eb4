"""Which requests wait for a job's end; that it is told them is for test_job_control, on sockets."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from service.backend.circuit_breaker import BackendSilentError
from service.events.waiting import MAX_WAITING
from service.http.dispatchers import NoThreadError
from service.http.suspended import ENVIRON_KEY, SuspensionListener
from workers import BackendLostError

URL = "https://s.test/0"
WAIT = {"Prefer": "wait=30"}


class Connection:
    """Ends each wait where it begins, when something else was done in it."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.meanwhile = meanwhile
        self.waits = 0

    @contextmanager
    def wait(self, listener: SuspensionListener) -> Iterator[None]:
        self.waits += 1
        self.meanwhile()
        listener.drain()
        yield

    @property
    def environ(self) -> dict[str, object]:
        return {ENVIRON_KEY: self}


@pytest.fixture
def connection() -> Connection:
    return Connection()


def test_a_status_shows_what_became_of_the_job_meanwhile(api: Any, backend: Any) -> None:
    job_id = api.job(URL)
    connection = Connection(lambda: backend.upload("https://i.imgur.com/a.jpg"))
    answer = api.get(f"/v1/images/upload/{job_id}", headers=WAIT, extras=connection.environ)
    assert answer.json["status"] == "complete"
    assert answer.headers["preference-applied"] == "wait=30"
    assert "retry-after" not in answer.headers


def test_a_new_job_and_one_sent_twice(api: Any, connection: Connection) -> None:
    headers = WAIT | {"Idempotency-Key": "one", "X-Request-ID": "mine"}
    for waits in (1, 2):
        answer = api.post([URL], headers=headers, extras=connection.environ)
        assert (answer.status, connection.waits) == (202, waits)
        assert answer.headers["location"].endswith(answer.json["jobId"])
        assert answer.headers["preference-applied"] == "wait=30"
        assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["idempotency-replayed"] == "true"


def test_a_client_that_knows_all_of_it_is_told_so(api: Any, connection: Connection) -> None:
    path = f"/v1/images/upload/{api.job(URL)}"
    known = {"If-None-Match": api.get(path).headers["etag"]}
    answer = api.get(path, headers=WAIT | known, extras=connection.environ)
    assert (answer.status, answer.headers["preference-applied"]) == (304, "wait=30")


def test_what_is_answered_at_once(api: Any, backend: Any, connection: Connection) -> None:
    path = f"/v1/images/upload/{api.job(URL)}"
    for method, more, status in (
        ("GET", "?limit=0", 400),
        ("GET", "?timeline=2", 400),
        ("HEAD", "", 200),
        ("GET", "/forecast", 200),
        ("DELETE", "/images/0", 409),
    ):
        answer = api.send(method, path + more, headers=WAIT, extras=connection.environ)
        assert (answer.status, "preference-applied" in answer.headers) == (status, False)
    assert api.post([], headers=WAIT, extras=connection.environ).status == 400
    for unknown in ("no-uuid", "55355b7c-9b86-4a1a-b32e-6cdd6db07183"):
        lost = f"/v1/images/upload/{unknown}"
        assert api.get(lost, headers=WAIT, extras=connection.environ).status == 404
    backend.upload("https://i.imgur.com/a.jpg")
    assert api.get(path, headers=WAIT, extras=connection.environ).status == 200
    assert not connection.waits


def test_one_client_leaves_as_many_places_as_it_takes(api: Any) -> None:
    path = f"/v1/images/upload/{api.job(URL)}"
    answers = []

    def another() -> None:
        answers.append(api.get(path, headers=WAIT, extras=connection.environ))

    connection = Connection(another)
    another()
    assert connection.waits == MAX_WAITING // 2
    applied = ["preference-applied" in answer.headers for answer in answers]
    assert applied == [False] + [True] * connection.waits
    assert {answer.status for answer in answers} == {200}
    another()
    assert connection.waits == MAX_WAITING, "their places are free again"


def test_it_is_counted_and_logged_once(
    make_api: Callable[..., Any], connection: Connection, logged: list[Any]
) -> None:
    api = make_api(RATE_LIMIT="3/hour")
    answer = api.post([URL], headers=WAIT, extras=connection.environ)
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.headers["ratelimit"].startswith('"default";r=2;')
    assert [line["event"] for line in logged] == ["job accepted", "request"]


@pytest.mark.parametrize("failure", [BackendSilentError(), BackendLostError()])
def test_a_job_that_is_taken_is_answered_so_whatever_comes_then(
    api: Any, backend: Any, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changes(*_args: object) -> None:
        raise failure

    monkeypatch.setattr(backend.table, "changes", changes)
    answer = api.post([URL], headers=WAIT, extras=Connection().environ)
    assert answer.status == 202
    assert "preference-applied" not in answer.headers


def test_without_a_thread_for_others_all_is_answered_at_once(api: Any) -> None:
    def no_thread() -> None:
        raise NoThreadError

    connection = Connection(no_thread)
    for _ in range(MAX_WAITING):
        answer = api.post([URL], headers=WAIT, extras=connection.environ)
        assert (answer.status, "preference-applied" in answer.headers) == (202, False)
        status = api.get(answer.headers["location"], headers=WAIT, extras=connection.environ)
        assert (status.status, "preference-applied" in status.headers) == (200, False)
    assert connection.waits == 2 * MAX_WAITING, "their places are free again"
