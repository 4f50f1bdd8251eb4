"""The loop's descriptors: each is asked what it waits for when that may have changed."""

import socket
from collections.abc import Iterator

import pytest

from service.http.polled import Polled


class Peer:
    """One end of a pair of sockets; counts how often it is asked."""

    accepting = False

    def __init__(
        self, polled: Polled, pair: tuple[socket.socket, socket.socket] | None = None
    ) -> None:
        self.socket, self.far_end = pair or socket.socketpair()
        self.polled = polled
        self.asked = 0
        self.reads = True
        self.writes = False
        self.handled: list[str] = []
        polled[self.socket.fileno()] = self

    def readable(self) -> bool:
        self.asked += 1
        return self.reads

    def writable(self) -> bool:
        return self.writes

    def handle_read_event(self) -> None:
        assert self.socket.recv(1)
        self.handled.append("read")

    def handle_write_event(self) -> None:
        self.handled.append("written")

    def handle_close(self) -> None:
        self.handled.append("closed")
        self.close()

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            del self.polled[self.socket.fileno()]
            self.socket.close()
        self.far_end.close()


@pytest.fixture
def polled() -> Polled:
    return Polled()


@pytest.fixture
def peers(polled: Polled) -> Iterator[list[Peer]]:
    peers = [Peer(polled) for _ in range(3)]
    yield peers
    for peer in peers:
        peer.close()


def test_those_that_are_idle_are_asked_once(polled: Polled, peers: list[Peer]) -> None:
    busy, *idle = peers
    for _ in range(100):
        busy.far_end.send(b"x")
        polled.turn(10)
    assert busy.handled == ["read"] * 100
    assert [peer.asked for peer in idle] == [1, 1]


def test_what_it_waits_for_follows_what_it_does(polled: Polled, peers: list[Peer]) -> None:
    peer = peers[0]
    peer.far_end.send(b"xx")
    polled.turn(10)
    peer.writes = True  # as if the answer had been made
    polled.turn(10)
    peer.reads = peer.writes = False
    polled.turn(0)
    polled.turn(0)
    assert peer.handled == ["read", "read", "written"]


@pytest.mark.parametrize("together", [True, False])
def test_another_thread_says_what_it_has_changed(
    polled: Polled, peers: list[Peer], *, together: bool
) -> None:
    peer = peers[0]
    polled.turn(0)
    peer.writes = True
    polled.turn(0)
    assert not peer.handled
    if together:
        polled.update_all()
    else:
        polled.update_events(peer.socket.fileno())
    polled.turn(10)
    assert peer.handled == ["written"]


def test_what_waits_for_nothing_any_more_is_left_alone(polled: Polled, peers: list[Peer]) -> None:
    peer = peers[0]
    polled.turn(0)
    peer.far_end.send(b"x")
    peer.reads = False  # and nobody has said so
    polled.turn(10)
    assert not peer.handled


def test_reading_goes_first_and_writing_goes_round(
    polled: Polled, peers: list[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(100))  # each look at the clock is a second later
    monkeypatch.setattr("service.http.polled.time.monotonic", lambda: next(seconds))
    *writing, reading = peers
    for peer in writing:
        peer.reads, peer.writes = False, True
    handled = []
    for _ in range(4):
        reading.far_end.send(b"x")
        polled.turn(10)
        handled.append([len(peer.handled) for peer in peers])
    assert handled == [[1, 0, 1], [1, 1, 2], [2, 1, 3], [2, 2, 4]]


def test_a_closed_descriptor_wakes_nobody_and_its_number_is_free(
    polled: Polled, peers: list[Peer]
) -> None:
    polled.turn(0)
    number = peers[0].socket.fileno()
    peers[0].close()
    again = Peer(polled)
    assert again.socket.fileno() == number, "the lowest that is free"
    again.reads = False
    again.far_end.send(b"x")
    polled.turn(0)
    assert not again.handled
    again.close()


def test_the_far_end_may_leave(polled: Polled, peers: list[Peer]) -> None:
    peer = peers[0]
    peer.writes = True
    peer.reads = False
    peer.far_end.close()
    polled.turn(10)
    assert peer.handled[-1] == "closed"
    assert peer not in polled.values()


def test_an_urgent_byte_is_no_event(polled: Polled) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    peer = Peer(polled, (listener.accept()[0], client))
    client.send(b"!", socket.MSG_OOB)
    polled.turn(0.05)
    assert peer.handled == []
    client.send(b"x")
    polled.turn(10)
    assert peer.handled == ["read"]
    peer.close()
    listener.close()
