from ipaddress import ip_address
from typing import Any

import pytest

from workers.contract.errors import DownloadError, Reason
from workers.worker.http.guard import (
    REFUSED_IPV4,
    REFUSED_IPV6,
    AddressGuard,
    is_public,
    no_such_host,
)

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
    "2002:7f00:1::1",  # 6to4
    "2002:808:808::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo
    "fe80::5efe:127.0.0.1",  # ISATAP
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "2606:4700::0:5efe:808:808",
]


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard((), (80, 443), ())


def refusal_of(guard: AddressGuard, address: str, port: int = 80) -> DownloadError:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(DownloadError) as caught:
        guard.check(ip_address(address), port, f"http://{host}/")
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


@pytest.mark.parametrize("address", [a for a in REFUSED if "%" not in a])
def test_refused_addresses_are_refused_by_the_guard(guard: AddressGuard, address: str) -> None:
    error = refusal_of(guard, address)

    assert error.reason is Reason.ADDRESS_NOT_ALLOWED
    assert not error.transient


def test_a_name_that_leads_inside_is_told_like_one_that_does_not_exist(guard: AddressGuard) -> None:
    with pytest.raises(DownloadError) as caught:
        guard.check(ip_address("10.0.0.1"), 80, "http://inside.example/")

    error = caught.value
    assert error.reason is Reason.NAME_NOT_FOUND
    assert error.message == no_such_host("inside.example").message
    assert "10.0.0.1" not in error.message


# --- NAT64 ----------------------------------------------------------------------------------

NAT64 = {
    "64:ff9b::8.8.8.8": None,
    "64:ff9b::10.0.0.1": Reason.ADDRESS_NOT_ALLOWED,
    "64:ff9b::127.0.0.1": Reason.ADDRESS_NOT_ALLOWED,
    "64:ff9b::169.254.169.254": Reason.ADDRESS_NOT_ALLOWED,
    # Behind a prefix of 48 bits 8.8.8.8 stands around the zero octet; behind one of 96, at the end.
    # In the last two only one of 56 bits, and one of 64, makes 10.0.0.1 of it.
    "64:ff9b:1:808:8:800:808:808": None,
    "64:ff9b:1:a00:0:100:808:808": Reason.ADDRESS_NOT_ALLOWED,
    "64:ff9b:1:808:8:800:a00:1": Reason.ADDRESS_NOT_ALLOWED,
    "64:ff9b:1::a00:1": Reason.ADDRESS_NOT_ALLOWED,
    "64:ff9b:1:80a:0:1:808:808": Reason.ADDRESS_NOT_ALLOWED,
    "64:ff9b:1:808:a:0:108:808": Reason.ADDRESS_NOT_ALLOWED,
}


@pytest.mark.parametrize("networks", [(), ("64:ff9b::/96", "64:ff9b:1::/48"), ("::/0",)])
@pytest.mark.parametrize(("address", "reason"), NAT64.items(), ids=NAT64.keys())
def test_behind_nat64_the_address_inside_is_judged_on_any_setting(
    networks: tuple[str, ...], address: str, reason: Reason | None
) -> None:
    guard = AddressGuard(networks, (80, 443))

    assert guard.refusal(ip_address(address), 80) is reason


def test_what_is_allowed_holds_behind_nat64_too() -> None:
    guard = AddressGuard(("10.0.0.0/8",), (80, 443))

    assert guard.refusal(ip_address("64:ff9b::10.0.0.1"), 80) is None


# --- refused networks -----------------------------------------------------------------------


def test_refused_networks_come_before_what_is_allowed_or_public() -> None:
    guard = AddressGuard(("10.0.0.0/8",), (80,), refused_networks=("8.8.8.0/24", "10.1.0.0/16"))

    assert guard.refusal(ip_address("8.8.8.8"), 80) is Reason.ADDRESS_NOT_ALLOWED
    assert guard.refusal(ip_address("8.8.4.4"), 80) is None
    assert guard.refusal(ip_address("10.1.0.1"), 80) is Reason.ADDRESS_NOT_ALLOWED
    assert guard.refusal(ip_address("10.2.0.1"), 80) is None
    assert guard.refusal(ip_address("64:ff9b::8.8.8.8"), 80) is Reason.ADDRESS_NOT_ALLOWED


# --- ports and exceptions -------------------------------------------------------------------


@pytest.mark.parametrize("port", [22, 25, 6379, 8080])
def test_other_ports_of_public_addresses(guard: AddressGuard, port: int) -> None:
    error = refusal_of(guard, "8.8.8.8", port)

    assert error.reason is Reason.PORT_NOT_ALLOWED
    assert not error.transient
    assert "80 and 443" in error.message


def test_allowed_network_opens_nothing_else() -> None:
    guard = AddressGuard(("10.1.0.0/16", "fd00::/8"), (80, 443), ())

    assert guard.refusal(ip_address("10.1.2.3"), 9000) is None
    assert guard.refusal(ip_address("fd00::1"), 9000) is None
    assert guard.refusal(ip_address("10.2.0.1"), 80) is Reason.ADDRESS_NOT_ALLOWED
    assert guard.refusal(ip_address("::ffff:10.1.2.3"), 80) is Reason.ADDRESS_NOT_ALLOWED
    assert guard.refusal(ip_address("8.8.8.8"), 9000) is Reason.PORT_NOT_ALLOWED


def test_allowed_origin_is_one_address_with_one_port() -> None:
    guard = AddressGuard((), (80, 443), (("127.0.0.1", 9000),))

    guard.check(ip_address("127.0.0.1"), 9000, "http://127.0.0.1:9000/")
    assert refusal_of(guard, "127.0.0.1", 9001).reason is Reason.ADDRESS_NOT_ALLOWED
    assert refusal_of(guard, "127.0.0.2", 9000).reason is Reason.ADDRESS_NOT_ALLOWED
