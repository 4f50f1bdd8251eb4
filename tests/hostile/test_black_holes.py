"""What swallows packets: a name server that never answers, a port that never accepts."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.conftest import ROOT, free_address, with_resolver
from workers.contract.errors import Reason

NAME_SERVER = "127.9.9.9"


@pytest.fixture
def silent_name_server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((NAME_SERVER, 53))
        except OSError as error:
            pytest.skip(f"No DNS black hole on this machine: {error} (port 53 wants root).")
        sock.settimeout(0.0)
        yield sock


def test_name_server_that_never_answers(
    open_corpus: Callable[..., Any], silent_name_server: socket.socket, tmp_path: Path
) -> None:
    # Three servers, asked one after another, and a search list: as bad as it gets.
    resolver = f"nameserver {NAME_SERVER}\n" * 3 + "search a.example b.example\n"
    with open_corpus(command_prefix=with_resolver(resolver, tmp_path)) as corpus:
        for _ in range(3):
            result = corpus.check(
                "http://name.example/", Reason.NAME_LOOKUP_FAILED, dials=[], is_unreachable=True
            )
            assert "no answer" in result.message

    assert b"\x04name\x07example" in silent_name_server.recv(4096)  # it was asked


def test_names_without_an_answer_do_not_hold_up_others(tmp_path: Path) -> None:
    address = free_address()
    prefix = with_resolver(f"nameserver {address}\nsearch .\n", tmp_path)

    ended = subprocess.run(
        [*prefix, sys.executable, str(Path(__file__).with_name("many_names.py")), address],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert not ended.stdout


def test_port_that_never_accepts(open_corpus: Callable[..., Any]) -> None:
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Linux drops further connection attempts once the queue is full.
        client.connect(listener.getsockname())
        port = listener.getsockname()[1]
        with open_corpus(origins=[("127.0.0.1", port)]) as corpus:
            result = corpus.check(
                f"http://127.0.0.1:{port}/",
                Reason.CONNECT_FAILED,
                dials=[f"127.0.0.1 {port}"],
                is_unreachable=True,
            )

    assert "no answer" in result.message


def test_port_that_nobody_listens_on(open_corpus: Callable[..., Any]) -> None:
    with socket.socket() as bound:  # nobody else gets its port, and nobody listens
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with open_corpus(origins=[("127.0.0.1", port)]) as corpus:
            result = corpus.check(
                f"http://127.0.0.1:{port}/", Reason.CONNECT_FAILED, dials=[f"127.0.0.1 {port}"]
            )

    assert "connection refused" in result.message
