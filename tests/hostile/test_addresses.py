"""Addresses inside: each class of them, in every form that one can be written in.

Nothing is sent to them: the worker notes whom it connects to, and all else but the good image that
follows must be missing from its notes.
"""

import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from workers.contract.errors import Reason

# One of each class of research's list; the middle of a network where one has no address of fame.
CLASSES = {
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "private, class A": "10.0.0.1",
    "private, class B": "172.16.5.4",
    "private, class C": "192.168.0.1",
    "carrier-grade NAT": "100.64.0.1",
    "metadata of Alibaba": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback's end": "127.255.255.254",
    "link-local": "169.254.1.1",
    "metadata of most clouds": "169.254.169.254",
    "metadata of Oracle": "192.0.0.192",
    "host of an Azure machine": "168.63.129.16",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.1",
    "documentation 3": "203.0.113.1",
    "AS112": "192.31.196.1",
    "AS112, delegated": "192.175.48.1",
    "multicast tunnels": "192.52.193.1",
    "6to4 relays": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
}


def octets(address: IPv4Address, form: str) -> str:
    return ".".join(format(octet, form) for octet in address.packed)


def within(prefix: str, address: IPv4Address, shift: int = 0) -> str:
    return f"[{IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)}]"


def teredo(address: IPv4Address) -> str:
    """RFC 4380, section 4: server, flags and port, then the client with all its bits inverted."""
    inverted = IPv4Address(int(address) ^ 0xFFFF_FFFF)
    return within("2001:0:4136:e378:8000:63bf::", inverted)


FORMS: dict[str, Callable[[IPv4Address], str]] = {
    "literal": str,
    "octal": lambda a: octets(a, "#05o").replace("o", ""),
    "octal, in one": lambda a: f"0{int(a):o}",
    "hexadecimal": lambda a: octets(a, "#04x"),
    "hexadecimal, in one": lambda a: f"{int(a):#010x}",
    "decimal": lambda a: str(int(a)),
    "short, of three": lambda a: f"{a.packed[0]}.{a.packed[1]}.{int(a) & 0xFFFF}",
    "short, of two": lambda a: f"{a.packed[0]}.{int(a) & 0xFF_FFFF}",
    "mixed": lambda a: f"{a.packed[0]:#x}.0{int(a) & 0xFF_FFFF:o}",
    "compatible": lambda a: f"[::{a}]",
    "mapped": lambda a: f"[::ffff:{a}]",
    "translated": lambda a: f"[::ffff:0:{a}]",
    "NAT64": lambda a: within("64:ff9b::", a),
    "NAT64, local": lambda a: within("64:ff9b:1::", a),
    "6to4": lambda a: within("2002::", a, 80),
    "Teredo": teredo,
    "ISATAP": lambda a: within("fe80::5efe:0:0", a),
    "ISATAP, public prefix": lambda a: within("2606:4700::5efe:0:0", a),
    "ISATAP, universal": lambda a: within("2606:4700::200:5efe:0:0", a),
}

IPV6 = {
    "unspecified": "::",
    "loopback": "::1",
    "discard": "100::1",
    "segment routing": "5f00::1",
    "unique local": "fd00::1",
    "metadata of AWS": "fd00:ec2::254",
    "metadata of Google": "fd20:ce::254",
    "link-local": "fe80::1",
    "site-local": "fec0::1",
    "multicast": "ff02::1",
    "never handed out": "4000::1",
    "protocol assignments": "2001:1::1",
    "benchmarks": "2001:2::1",
    "ORCHID": "2001:10::1",
    "ORCHID 2": "2001:20::1",
    "documentation": "2001:db8::1",
    "documentation 2": "3fff::1",
    "AS112": "2620:4f:8000::1",
}

ROWS = {
    f"{kind}: {form}": write(IPv4Address(address))
    for kind, address in CLASSES.items()
    for form, write in FORMS.items()
} | {f"IPv6 {kind}": f"[{address}]" for kind, address in IPV6.items()}

# What a name may resolve to: the system's resolver has read the odd notations by then.
RESOLVED = {
    name: host.strip("[]")
    for name, host in ROWS.items()
    if name.endswith(": literal")
    or (
        host[0] == "["
        and name.startswith(("IPv6", "private, class A", "loopback:", "metadata of most"))
    )
}


@pytest.mark.parametrize("host", ROWS.values(), ids=ROWS.keys())
def test_address(corpus: Any, host: str) -> None:
    result = corpus.check(f"http://{host}/a.jpg", Reason.ADDRESS_NOT_ALLOWED, dials=[])

    assert result.asked == []  # so it was understood as an address


@pytest.mark.parametrize("address", RESOLVED.values(), ids=RESOLVED.keys())
def test_name_of_an_address(corpus: Any, address: str) -> None:
    names = {"inside.example": [[address]]}

    # The same as for a name that does not exist: which names the inside has is nobody's business.
    corpus.check("http://inside.example/", Reason.NAME_NOT_FOUND, names=names, dials=[])


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "134744072"])
def test_port_of_a_public_address(corpus: Any, host: str, port: int) -> None:
    corpus.check(f"http://{host}:{port}/", Reason.PORT_NOT_ALLOWED, dials=[])


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_port_of_a_private_address(corpus: Any, port: int) -> None:
    corpus.check(f"http://10.0.0.1:{port}/", Reason.ADDRESS_NOT_ALLOWED, dials=[])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]"])
def test_public_address_is_dialled(corpus: Any, host: str, scheme: str) -> None:
    """The corpus would notice: it refuses this connection itself, and has it on its list."""
    wanted = f"{host.strip('[]')} {80 if scheme == 'http' else 443}"

    result = corpus.check(f"{scheme}://{host}/", Reason.CONNECT_FAILED, dials=[wanted])

    assert wanted in result.dialled


_IS_REFUSED = """
import sys
from ipaddress import ip_address
from workers.worker.http.guard import AddressGuard
print(AddressGuard((), (80,)).refusal(ip_address("8.8.8.8"), 80))
"""


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("ip address add 8.8.8.8/32 dev lo", Reason.ADDRESS_NOT_ALLOWED),
        ("ip route add default dev lo", None),
    ],
    ids=["its own", "another's"],
)
def test_public_address_of_this_machine(command: str, reason: Reason | None) -> None:
    """In a network namespace of the test's own, where nothing leaves the loopback interface."""
    script = f"ip link set lo up && {command} && exec {sys.executable} -c '{_IS_REFUSED}'"
    result = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    if result.returncode:
        pytest.skip(f"No network namespace on this machine: {result.stderr.strip()}")

    assert result.stdout.strip() == str(reason)
