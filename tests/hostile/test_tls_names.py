"""Host names over TLS as browsers take them: the certificate is judged by the right name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.hostile.test_tls import issue, issue_authority
from workers.contract.errors import Reason

JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
IMAGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG, "keep")
WILDCARD = "DNS:*.photos.example"
IDN = "xn--bcher-kva.example"


@pytest.fixture(scope="module")
def named(
    open_corpus: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Servers by the kind of name in their certificate, and all names they were asked for (SNI)."""
    folder = tmp_path_factory.mktemp("authority")
    issue_authority(folder)
    asked: list[str | None] = []
    contexts = {
        "wildcard": issue(folder, "wildcard", names=WILDCARD),
        "IDN": issue(folder, "idn", names=f"DNS:{IDN}"),
    }
    for context in contexts.values():
        context.sni_callback = lambda _socket, name, _context: asked.append(name)
    sources = {name: (context, "127.0.0.1") for name, context in contexts.items()}
    with open_corpus(sources, authority=str(folder / "ca.pem")) as corpus:
        yield corpus, asked


ROWS = {
    "an underscore": ("wildcard", "my_album.photos.example", JPEG),
    "a dot behind": ("wildcard", "a.photos.example.", JPEG),
    "an underscore, and a dot behind": ("wildcard", "my_album.photos.example.", JPEG),
    "capitals": ("wildcard", "My_Album.PHOTOS.example", JPEG),
    "IDN": ("IDN", "bücher.example", JPEG),
    "IDN, decomposed": ("IDN", "bu\u0308cher.example", JPEG),
    "IDN, a dot behind": ("IDN", "Bücher.example.", JPEG),
    "IDN, an ideographic full stop": ("IDN", "bücher。example", JPEG),
    "IDN as it is sent": ("IDN", IDN, JPEG),
    "a label too many": ("wildcard", "a.b.photos.example", Reason.TLS_FAILED),
    "the bare domain": ("wildcard", "photos.example", Reason.TLS_FAILED),
    "another IDN": ("IDN", "bäcker.example", Reason.TLS_FAILED),
}


@pytest.mark.parametrize(("server", "host", "expected"), ROWS.values(), ids=ROWS.keys())
def test_name(named: Any, server: str, host: str, expected: Reason | bytes) -> None:
    corpus, asked = named
    ascii_name = host.lower().removesuffix(".").encode("idna").decode()

    corpus.check(
        f"https://{host}:{{port}}/a",
        expected,
        answers={"/a": IMAGE},
        names={ascii_name: [["127.0.0.1"]]},
        source=server,
    )

    # Without the dot, as a server finds its certificate by the name that stands there; rows of the
    # same name share a connection.
    assert ascii_name in asked
    assert not any(name is None or name.endswith(".") for name in asked)
