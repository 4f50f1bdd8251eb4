import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from workers.download.guard import REFUSED_IPV4, REFUSED_IPV6, AddressGuard, is_public
from workers.errors import DownloadError, Reason

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "2001:200::1",
    "2a00:1450:4001::200e",
    "2606:4700::5efe",
]

REFUSED = [
    # each row of the IPv4 table, by an address one would meet
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6 outside the global range
    "::",
    "::1",
    "100::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "1fff:ffff::1",
    # IPv6 inside it, but special
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2620:4f:8000::1",
    "3fff::1",
    # IPv4 within IPv6, also where that IPv4 address is public
    "::127.0.0.1",  # compatible
    "::8.8.8.8",
    "::ffff:127.0.0.1",  # mapped
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",  # translated
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",  # NAT64
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::1",  # 6to4
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo
    "fe80::5efe:127.0.0.1",  # ISATAP
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "2606:4700::0:5efe:808:808",
]

# How else an IPv4 address can be written: the system's resolver understands all of these.
NOTATIONS = [
    ("127.0.0.1", ["0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001"]),
    ("127.0.0.1", ["127.1", "127.0.1", "0x7f.1", "0177.1", "127.0x1"]),
    ("10.0.0.1", ["012.0.0.1", "0xa.0.0.1", "0x0a000001", "167772161", "10.1"]),
    (
        "169.254.169.254",
        ["0251.0376.0251.0376", "0xa9fea9fe", "2852039166", "169.254.43518", "169.16689662"],
    ),
    ("192.168.0.1", ["0300.0250.0.1", "0xc0a80001", "3232235521", "192.168.1", "192.11010049"]),
    ("168.63.129.16", ["0xa83f8110", "2822734096", "168.63.33040"]),
    ("0.0.0.0", ["0", "0x0", "00", "0.0"]),
]


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard((), (80, 443), ())


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def dead_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make names resolve to given addresses, one answer after another; returns what was asked."""

    def set_answers(*answers: list[str] | Exception) -> list[str]:
        asked: list[str] = []
        queue = list(answers)

        def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            asked.append(host)
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            if isinstance(answer, Exception):
                raise answer
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
                if ":" in address
                else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in answer
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return set_answers


def refusal_of(guard: AddressGuard, host: str, port: int = 80) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        guard.dial(host, port, 1.0).close()
    return caught.value


# --- the rules ------------------------------------------------------------------------------


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", REFUSED)
def test_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("network", [n for n, _ in REFUSED_IPV4 + REFUSED_IPV6], ids=str)
def test_refused_networks_are_refused_to_their_ends(network: Any) -> None:
    assert not is_public(network[0])
    assert not is_public(network[-1])


def test_every_rule_has_its_reason() -> None:
    assert all(reason for _, reason in REFUSED_IPV4 + REFUSED_IPV6)


# --- literal addresses, however written -----------------------------------------------------


@pytest.mark.parametrize("address", REFUSED)
def test_literal_is_not_dialled(guard: AddressGuard, dialled: list[str], address: str) -> None:
    error = refusal_of(guard, address)

    assert error.reason is Reason.ADDRESS_NOT_ALLOWED
    assert not error.transient
    assert dialled == []


@pytest.mark.parametrize(
    ("address", "notation"),
    [(address, notation) for address, notations in NOTATIONS for notation in notations],
)
def test_odd_notation_is_not_dialled(
    guard: AddressGuard, dialled: list[str], address: str, notation: str
) -> None:
    # The system takes it for that address: otherwise the refusal below would mean nothing.
    assert socket.getaddrinfo(notation, 80, type=socket.SOCK_STREAM)[0][4][0] == address

    assert refusal_of(guard, notation).reason is Reason.ADDRESS_NOT_ALLOWED
    assert dialled == []


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [a for a in REFUSED if "%" not in a])
def test_name_of_a_refused_address_is_not_dialled(
    guard: AddressGuard, dialled: list[str], resolve: Callable[..., list[str]], address: str
) -> None:
    resolve([address])

    error = refusal_of(guard, "inside.example")

    assert error.reason is Reason.ADDRESS_NOT_ALLOWED
    assert "inside.example" in error.message
    assert address not in error.message.replace("inside.example", "").split()
    assert dialled == []


def test_of_mixed_answers_only_the_public_ones_are_dialled(
    guard: AddressGuard, dialled: list[str], resolve: Callable[..., list[str]]
) -> None:
    resolve(["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111", "169.254.169.254"])

    error = refusal_of(guard, "mixed.example")

    assert error.reason is Reason.CONNECT_FAILED
    assert error.transient
    assert dialled == ["8.8.8.8", "2606:4700::1111"]


def test_what_was_checked_is_what_is_dialled(
    guard: AddressGuard, dialled: list[str], resolve: Callable[..., list[str]]
) -> None:
    asked = resolve(["8.8.8.8"], ["127.0.0.1"])

    refusal_of(guard, "rebinding.example")

    assert asked == ["rebinding.example"]
    assert dialled == ["8.8.8.8"]


def test_next_address_is_tried(
    listener: socket.socket, dialled: list[str], resolve: Callable[..., list[str]]
) -> None:
    port = listener.getsockname()[1]
    resolve(["127.0.0.9", "10.0.0.1", "127.0.0.1"])
    guard = AddressGuard(("127.0.0.0/8",), (80,), ())

    with guard.dial("two.example", port, 5.0) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
        assert sock.gettimeout() == 5.0
    assert dialled == ["127.0.0.9", "127.0.0.1"]


def test_not_every_one_of_thousands_is_tried(
    guard: AddressGuard, dialled: list[str], resolve: Callable[..., list[str]]
) -> None:
    resolve([f"8.8.{high}.{low}" for high in range(8) for low in range(256)])

    assert refusal_of(guard, "many.example").reason is Reason.CONNECT_FAILED
    assert len(dialled) == 6


@pytest.mark.parametrize(
    ("answer", "reason", "transient"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Reason.NAME_NOT_FOUND, False),
        (socket.gaierror(socket.EAI_NODATA, "x"), Reason.NAME_NOT_FOUND, False),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Reason.NAME_LOOKUP_FAILED, True),
        (socket.gaierror(socket.EAI_FAIL, "x"), Reason.NAME_LOOKUP_FAILED, True),
        (UnicodeError("label too long"), Reason.URL_INVALID, False),
        ([], Reason.NAME_NOT_FOUND, False),
    ],
    ids=["no such name", "no data", "try again", "failure", "not encodable", "no addresses"],
)
def test_name_that_does_not_resolve(
    guard: AddressGuard,
    resolve: Callable[..., list[str]],
    answer: list[str] | Exception,
    reason: Reason,
    *,
    transient: bool,
) -> None:
    resolve(answer)

    error = refusal_of(guard, "missing.example")

    assert error.reason is reason
    assert error.transient is transient


def test_name_servers_that_do_not_answer(
    guard: AddressGuard, monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait())
    try:
        with pytest.raises(DownloadError) as caught:
            guard.dial("slow.example", 80, 0.05)
    finally:
        is_over.set()

    assert caught.value.reason is Reason.NAME_LOOKUP_FAILED
    assert caught.value.transient
    assert "slow.example" in caught.value.message
    assert dialled == []


# --- ports and exceptions -------------------------------------------------------------------


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_other_ports_of_public_addresses(
    guard: AddressGuard, dialled: list[str], port: int
) -> None:
    error = refusal_of(guard, "8.8.8.8", port)

    assert error.reason is Reason.PORT_NOT_ALLOWED
    assert not error.transient
    assert "80 and 443" in error.message
    assert dialled == []


def test_allowed_network_is_let_through_on_any_port(listener: socket.socket) -> None:
    guard = AddressGuard(("127.0.0.0/8",), (80, 443), ())

    guard.dial("127.0.0.1", listener.getsockname()[1], 5.0).close()


def test_allowed_network_opens_nothing_else(dialled: list[str]) -> None:
    guard = AddressGuard(("10.1.0.0/16", "fd00::/8"), (80, 443), ())

    assert guard.refusal(ip_address("10.1.2.3"), 9000) is None
    assert guard.refusal(ip_address("fd00::1"), 9000) is None
    assert guard.refusal(ip_address("10.2.0.1"), 80) is Reason.ADDRESS_NOT_ALLOWED
    assert guard.refusal(ip_address("::ffff:10.1.2.3"), 80) is Reason.ADDRESS_NOT_ALLOWED
    assert guard.refusal(ip_address("8.8.8.8"), 9000) is Reason.PORT_NOT_ALLOWED


def test_allowed_origin_is_one_address_with_one_port(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    guard = AddressGuard((), (80, 443), (("127.0.0.1", port),))

    guard.dial("127.0.0.1", port, 5.0).close()
    assert refusal_of(guard, "127.0.0.1", port + 1).reason is Reason.ADDRESS_NOT_ALLOWED
    assert refusal_of(guard, "127.0.0.2", port).reason is Reason.ADDRESS_NOT_ALLOWED


def test_connection_refused(dead_port: int) -> None:
    guard = AddressGuard(("127.0.0.0/8",), (80,), ())

    error = refusal_of(guard, "127.0.0.1", dead_port)

    assert error.reason is Reason.CONNECT_FAILED
    assert error.transient
    assert "connection refused" in error.message


def test_silent_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(sock: socket.socket, address: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", connect)
    guard = AddressGuard(("127.0.0.0/8",), (80,), ())

    assert "no answer" in refusal_of(guard, "127.0.0.1").message


def test_missing_address_family(
    monkeypatch: pytest.MonkeyPatch,
    listener: socket.socket,
    resolve: Callable[..., list[str]],
) -> None:
    resolve(["::1", "127.0.0.1"])
    make = socket.socket

    def make_ipv4_only(family: int, *args: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return make(family, *args)

    monkeypatch.setattr(socket, "socket", make_ipv4_only)
    guard = AddressGuard(("127.0.0.0/8", "::1/128"), (80,), ())

    guard.dial("both.example", listener.getsockname()[1], 5.0).close()


def test_without_a_timeout(listener: socket.socket) -> None:
    guard = AddressGuard(("127.0.0.0/8",), (80,), ())

    with guard.dial("127.0.0.1", listener.getsockname()[1], None) as sock:
        assert sock.gettimeout() is None
