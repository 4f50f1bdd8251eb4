"""Names that do not resolve, or to one address after another."""

from typing import Any

import pytest

from workers.contract.errors import Reason

JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
IMAGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG, "keep")

PUBLIC, PUBLIC_TOO, PRIVATE, SOURCE = "8.8.8.8", "8.8.4.4", "10.0.0.1", "127.0.0.1"

UNRESOLVED = {
    "no such name": ("EAI_NONAME", Reason.NAME_NOT_FOUND),
    "no address": ("EAI_NODATA", Reason.NAME_NOT_FOUND),
    "no answer": ("EAI_AGAIN", Reason.NAME_LOOKUP_FAILED),
    "a server that refuses": ("REFUSED", Reason.NAME_LOOKUP_FAILED),
    "an empty answer": ([], Reason.NAME_NOT_FOUND),
}


@pytest.mark.parametrize(("answer", "reason"), UNRESOLVED.values(), ids=UNRESOLVED.keys())
def test_unresolved(corpus: Any, answer: Any, reason: Reason) -> None:
    corpus.check("http://name.example/", reason, names={"name.example": [answer]}, dials=[])


def test_name_that_resolves_to_public_and_private(corpus: Any) -> None:
    names = {"name.example": [[PRIVATE, PUBLIC, "::1", PUBLIC_TOO, "fe80::1"]]}

    result = corpus.check(
        "http://name.example/",
        Reason.CONNECT_FAILED,
        names=names,
        dials=[f"{PUBLIC} 80", f"{PUBLIC_TOO} 80"],
    )

    assert result.dialled[:2] == [f"{PUBLIC} 80", f"{PUBLIC_TOO} 80"]


def test_next_address_is_tried(corpus: Any) -> None:
    port = corpus.source.port
    names = {"name.example": [[PRIVATE, "127.0.0.9", SOURCE]]}

    corpus.check("http://name.example:{port}/a", JPEG, answers={"/a": IMAGE}, names=names)

    assert corpus.source.requests[0].count(b"Host: name.example:%d" % port) == 1


def test_name_with_hundreds_of_addresses(corpus: Any) -> None:
    addresses = [f"8.8.{high}.{low}" for high in range(2) for low in range(150)]

    result = corpus.check(
        "http://name.example/",
        Reason.CONNECT_FAILED,
        names={"name.example": [addresses]},
        dials=[f"{address} 80" for address in addresses],
    )

    assert len([dialled for dialled in result.dialled if dialled.startswith("8.8.")]) == 6


def test_name_that_changes_between_check_and_use(corpus: Any) -> None:
    """DNS rebinding: what was checked is what is connected to; nobody asks a second time."""
    names = {"name.example": [[PUBLIC], [PRIVATE]]}

    result = corpus.check(
        "http://name.example/", Reason.CONNECT_FAILED, names=names, dials=[f"{PUBLIC} 80"]
    )

    assert result.asked == ["name.example"]


@pytest.mark.parametrize("inside", [PRIVATE, "127.0.0.2", "169.254.169.254", "::1"])
def test_name_that_changes_between_redirects(corpus: Any, inside: str) -> None:
    """The second request needs a new connection, and the new answer is judged anew."""
    names = {"rebound.example": [[SOURCE], [inside]]}
    head = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: /b\r\n\r\n"

    result = corpus.check(
        "http://rebound.example:{port}/a",
        Reason.NAME_NOT_FOUND,
        answers={"/a": (head, "close"), "/b": IMAGE},
        names=names,
    )

    # Where this machine has no route for the second address, its reason takes one more question.
    assert result.asked[:2] == ["rebound.example", "rebound.example"]
    assert [head.split()[1] for head in corpus.source.requests] == [b"/a", b"/good.gif"]


def test_a_name_inside_reads_like_one_that_does_not_exist(corpus: Any) -> None:
    messages = [
        corpus.check("http://name.example/", Reason.NAME_NOT_FOUND, names=names, dials=[]).message
        for names in ({"name.example": [[PRIVATE]]}, {"name.example": ["EAI_NONAME"]})
    ]

    assert messages[0] == messages[1]
