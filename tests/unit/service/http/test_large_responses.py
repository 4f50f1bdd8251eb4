"""Answers that are sent from memory they share."""

import gc
import sys
from typing import Any

import falcon
import pytest
from falcon import testing
from waitress.buffers import ReadOnlyFileBasedBuffer

from service.http.large_responses import LargeResponses, PiecesFile
from service.http.suspended import ENVIRON_KEY
from service.problems.problems import Problem, render_problems
from service.resources.uploads import UploadResource
from service.views.job_views import JobViews
from tests.plain_backend import PlainBackend
from workers.contract.messages.submission import Submission

MEBIBYTE = 1024**2


def nothing() -> None:
    pass


@pytest.mark.parametrize(
    "pieces", [(b"abc",), (b"a", b"", b"bc"), (b"", b"abc", b""), (b"ab", b"c"), (b"", b"")]
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_pieces_read_as_one_file(pieces: tuple[bytes, ...], size: int) -> None:
    buffer = ReadOnlyFileBasedBuffer(PiecesFile(pieces, nothing))
    whole = b"".join(pieces)
    assert buffer.prepare() == len(whole)
    found = b""
    while len(buffer):
        some = buffer.get(size)
        assert some, "waitress takes nothing for a full socket"
        assert buffer.get(size) == some, "it reads again what the socket did not take"
        taken = max(1, len(some) // 2)
        buffer.skip(taken)
        found += some[:taken]
    assert found == whole
    assert buffer.get(size) == b""


def test_a_closed_file_keeps_nothing() -> None:
    piece = bytes(1000)
    unused = sys.getrefcount(piece)
    file = PiecesFile((piece,), nothing)
    file.close()
    assert sys.getrefcount(piece) == unused
    assert file.read() == b""


class Connection:
    is_abandoned = False

    def abandon(self) -> None:
        self.is_abandoned = True


def make_request(method: str = "GET") -> falcon.Request:
    return falcon.Request(testing.create_environ(method=method))


def send(
    answers: LargeResponses, pieces: tuple[bytes, ...], method: str = "GET", key: str = "anna"
) -> Any:
    resp = falcon.Response()
    answers.send(make_request(method), resp, pieces, key)
    return resp


def test_a_small_answer_is_given_whole() -> None:
    assert send(LargeResponses(MEBIBYTE), (b"a", b"b")).data == b"ab"


def test_a_large_one_is_a_file_of_a_known_length() -> None:
    piece = bytes(MEBIBYTE)
    resp = send(LargeResponses(MEBIBYTE), (piece, b"end"))
    assert resp.content_length == str(MEBIBYTE + 3)
    assert b"".join(iter(resp.stream.read, b"")) == piece + b"end"


def test_whoever_holds_the_most_makes_room() -> None:
    answers = LargeResponses(8 * MEBIBYTE)
    connections, kept = [], []
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"):
        connections.append(Connection())
        environ = testing.create_environ()
        environ |= {"REMOTE_ADDR": address, ENVIRON_KEY: connections[-1]}
        kept.append(falcon.Response())
        answers.send(falcon.Request(environ), kept[-1], (bytes(MEBIBYTE),), address)
    with pytest.raises(Problem):
        send(answers, (bytes(5 * MEBIBYTE),))
    assert [one.is_abandoned for one in connections] == [False, True, False, False]


def test_there_is_only_so_much_memory() -> None:
    answers = LargeResponses(4 * MEBIBYTE)
    first = send(answers, (bytes(MEBIBYTE),))
    second = send(answers, (bytes(MEBIBYTE),))
    with pytest.raises(Problem) as refused:
        send(answers, (bytes(MEBIBYTE),))
    assert refused.value.body["code"] == "too-many-large-answers"
    assert int(refused.value.headers["Retry-After"]) > 0
    assert send(answers, (bytes(MEBIBYTE),), key="bob"), "there is some left for others"
    first.stream.close()
    first.stream.close()
    third = send(answers, (bytes(MEBIBYTE),))
    with pytest.raises(Problem):
        send(answers, (bytes(MEBIBYTE),))
    del second
    gc.collect()
    assert send(answers, (bytes(MEBIBYTE),)), "one that nobody closed has ended all the same"
    assert third.stream is not None


def test_an_answer_to_many_counts_once() -> None:
    answers = LargeResponses(MEBIBYTE)
    pieces = (bytes(MEBIBYTE),)
    under_way = [send(answers, pieces) for _ in range(5)]
    for resp in under_way[1:]:
        resp.stream.close()
    with pytest.raises(Problem):
        send(answers, (bytes(MEBIBYTE),))
    under_way[0].stream.close()
    assert send(answers, (bytes(MEBIBYTE),))


def test_one_that_is_too_large_goes_out_alone() -> None:
    answers = LargeResponses(10)
    assert send(answers, (bytes(MEBIBYTE),)).stream is not None


def test_small_ones_and_heads_take_nothing() -> None:
    answers = LargeResponses(MEBIBYTE)
    under_way = send(answers, (bytes(MEBIBYTE),))
    assert send(answers, (b"small",)).data == b"small"
    head = send(answers, (bytes(MEBIBYTE),), "HEAD")
    assert (head.stream, head.content_length) == (None, str(MEBIBYTE))
    assert under_way.stream is not None


def test_what_there_is_no_memory_for_is_refused_before_it_is_rendered() -> None:
    answers = LargeResponses(4 * MEBIBYTE)
    answers.check(make_request(), 10 * MEBIBYTE, "anna")  # one goes out in any case
    under_way = send(answers, (bytes(3 * MEBIBYTE),))
    with pytest.raises(Problem) as refused:
        answers.check(make_request(), MEBIBYTE, "anna")
    assert refused.value.body["code"] == "too-many-large-answers"
    answers.check(make_request("HEAD"), MEBIBYTE, "anna")
    answers.check(make_request(), 1000, "anna")
    under_way.stream.close()
    answers.check(make_request(), MEBIBYTE, "anna")


def test_a_status_that_there_is_no_memory_for_is_never_rendered() -> None:
    backend, answers = PlainBackend(), LargeResponses(MEBIBYTE)
    views = JobViews(backend.job_table, sandbox=False, max_bytes=10 * MEBIBYTE)
    app = falcon.App()
    render_problems(app)
    app.add_route("/{job_id}", UploadResource(backend, views, answers))
    under_way = send(answers, (bytes(MEBIBYTE),))
    job_id = "11111111-1111-1111-1111-111111111111"
    backend.table.open(Submission(job_id, tuple(f"https://s.test/{n}" for n in range(10_000))))
    for query in ("", "limit=10000"):
        assert testing.simulate_get(app, f"/{job_id}", query_string=query).status_code == 503
        assert views._views.peek(("", job_id)) is None
    assert testing.simulate_get(app, f"/{job_id}", query_string="limit=10").status_code == 200
    under_way.stream.close()
    assert testing.simulate_get(app, f"/{job_id}").status_code == 200
