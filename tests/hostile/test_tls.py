"""Certificates that do not hold, and handshakes that do not end."""

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from workers.contract.errors import Reason

JPEG = b"\xff\xd8\xff\xe0" + bytes(6000)
IMAGE = (b"HTTP/1.1 200 OK\r\nContent-Length: 6004\r\n\r\n" + JPEG, "keep")
RECORD = b"\x16\x03\x03\x40\x00"  # a handshake record of 16 KB follows, it says

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def issue_authority(folder: Path) -> None:
    """An authority for `issue`; its certificate is ca.pem."""
    made = ("-days", "2", "-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(folder, "req", "-x509", *_CURVE, *made)


def issue(
    folder: Path,
    name: str,
    *,
    days: int = 2,
    by_itself: bool = False,
    names: str = "IP:127.0.0.1",
) -> ssl.SSLContext:
    """A server's context with a certificate for `names`; negative days have passed already."""
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
    key, request, certificate = f"{name}.key", f"{name}.csr", f"{name}.pem"
    validity = ("-days", str(days))
    if by_itself:
        made = ("-keyout", key, "-out", certificate)
        openssl(folder, "req", "-x509", *_CURVE, *subject, *validity, *made)
    else:
        openssl(folder, "req", *_CURVE, *subject, "-keyout", key, "-out", request)
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-copy_extensions", "copy")
        openssl(folder, "x509", "-req", "-in", request, *signed, *validity, "-out", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / certificate, folder / key)
    return context


@pytest.fixture(scope="module")
def tls_corpus(
    open_corpus: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A worker that trusts one more authority, and servers with certificates of it."""
    folder = tmp_path_factory.mktemp("authority")
    issue_authority(folder)
    trusted = issue(folder, "trusted")
    old = issue(folder, "old")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    sources = {
        "trusted": (trusted, "127.0.0.1"),
        "of another host": (trusted, "127.0.0.2"),
        "expired": (issue(folder, "expired", days=-1), "127.0.0.1"),
        "self-signed": (issue(folder, "itself", by_itself=True), "127.0.0.1"),
        "TLS 1.2": (old, "127.0.0.1"),
    }
    with open_corpus(sources, authority=str(folder / "ca.pem")) as corpus:
        yield corpus


@pytest.mark.parametrize("source", ["trusted", "TLS 1.2"])
def test_good_certificate(tls_corpus: Any, source: str) -> None:
    tls_corpus.check("{source}/a", JPEG, answers={"/a": IMAGE}, source=source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("of another host", "matches target"),
        ("expired", "certificate has expired"),
        ("self-signed", "self-signed certificate"),
    ],
)
def test_bad_certificate(tls_corpus: Any, source: str, words: str) -> None:
    result = tls_corpus.check("{source}/a", Reason.TLS_FAILED, answers={"/a": IMAGE}, source=source)

    assert words in result.message
    assert tls_corpus.sources[source].requests == []


def test_redirect_to_a_bad_certificate(tls_corpus: Any) -> None:
    location = tls_corpus.sources["expired"].url.encode()
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s/b\r\n\r\n" % location
    expired = tls_corpus.sources["expired"]

    tls_corpus.check(
        "{source}/a",
        Reason.TLS_FAILED,
        answers={"/a": (head, "keep")},
        dials=[f"{one.address} {one.port}" for one in (tls_corpus.source, expired)],
    )


# What a server answers to a ClientHello.
HANDSHAKES: dict[str, tuple[Reason, Any]] = {
    "plain HTTP": (Reason.TLS_FAILED, (b"HTTP/1.1 400 Bad Request\r\n\r\n", "close")),
    "noise": (Reason.TLS_FAILED, (bytes(range(256)), "close")),
    "an alert": (Reason.TLS_FAILED, (b"\x15\x03\x03\x00\x02\x02\x28", "close")),
    "a flood of noise": (Reason.TLS_FAILED, (b"", "flood", b"\xff" * 65536)),
    "silence": (Reason.DOWNLOAD_TIMEOUT, (b"", "stall")),
    "silence in a record": (Reason.DOWNLOAD_TIMEOUT, (RECORD, "stall")),
    "a drip": (Reason.DOWNLOAD_TIMEOUT, (RECORD, "drip", b"\x02")),
    "the end": (Reason.SOURCE_CUT_SHORT, (b"", "close")),
    "the end in a record": (Reason.SOURCE_CUT_SHORT, (RECORD, "close")),
    "a reset": (Reason.SOURCE_CUT_SHORT, (RECORD, "reset")),
}


@pytest.mark.parametrize(("reason", "answer"), HANDSHAKES.values(), ids=HANDSHAKES.keys())
def test_handshake(corpus: Any, reason: Reason, answer: Any) -> None:
    corpus.check("https://127.0.0.1:{port}/a", reason, answers={"tls": answer})


# Once more over TLS, whose end of a connection is another than TCP's.
BODIES: dict[str, tuple[Reason, Any]] = {
    "stalls": (Reason.DOWNLOAD_TIMEOUT, (IMAGE[0][:-1000], "stall")),
    "drips": (Reason.DOWNLOAD_TIMEOUT, (IMAGE[0][:-1000], "drip", b"x")),
    "floods": (Reason.TOO_LARGE, (b"HTTP/1.1 200 OK\r\n\r\n" + JPEG, "flood", bytes(65536))),
    "closes": (Reason.SOURCE_CUT_SHORT, (IMAGE[0][:-1000], "close")),
    "resets": (Reason.SOURCE_CUT_SHORT, (IMAGE[0][:-1000], "reset")),
}


@pytest.mark.parametrize(("reason", "answer"), BODIES.values(), ids=BODIES.keys())
def test_body(tls_corpus: Any, reason: Reason, answer: Any) -> None:
    tls_corpus.check("{source}/a", reason, answers={"/a": answer}, source="trusted")
