"""Answers that are sent from memory they share."""

import gc
import sys
from typing import Any

import falcon
import pytest
from falcon import testing
from waitress.buffers import ReadOnlyFileBasedBuffer

from service.http.large_responses import LargeResponses, PiecesFile
from service.http.suspended import ENVIRON_KEY, SuspendedRequest
from service.problems.problems import Problem

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
        suspended = SuspendedRequest(connections[-1])  # type: ignore[arg-type] # nothing is sent to it here
        environ = testing.create_environ()
        environ |= {"REMOTE_ADDR": address, ENVIRON_KEY: suspended}
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
