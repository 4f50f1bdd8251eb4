"""Guard of the addresses that a download may connect to.

The address is checked when the socket is opened: the checked address is the one connected to,
however the URL is written and whatever the name resolves to later.
"""

import errno
import socket
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from workers.contract.errors import DownloadError, Reason

Address = IPv4Address | IPv6Address

# Networks that are not public by the IANA IPv4 Special-Purpose Address Registry, and some that only
# look public. A table of our own, as `is_global` differs between Python versions.
REFUSED_IPV4 = (
    (IPv4Network("0.0.0.0/8"), "this network (RFC 791); Linux connects 0.0.0.0 to itself"),
    (IPv4Network("10.0.0.0/8"), "private (RFC 1918)"),
    (IPv4Network("100.64.0.0/10"), "carrier-grade NAT (RFC 6598); metadata of some clouds"),
    (IPv4Network("127.0.0.0/8"), "loopback (RFC 1122)"),
    (IPv4Network("168.63.129.16/32"), "the host of an Azure machine"),
    (IPv4Network("169.254.0.0/16"), "link-local (RFC 3927); metadata of most clouds"),
    (IPv4Network("172.16.0.0/12"), "private (RFC 1918)"),
    (IPv4Network("192.0.0.0/24"), "protocol assignments (RFC 6890); metadata of some clouds"),
    (IPv4Network("192.0.2.0/24"), "documentation (RFC 5737)"),
    (IPv4Network("192.31.196.0/24"), "AS112 (RFC 7535), answered by the nearest machine"),
    (IPv4Network("192.52.193.0/24"), "multicast tunnels (RFC 7450)"),
    (IPv4Network("192.88.99.0/24"), "6to4 relays (RFC 7526)"),
    (IPv4Network("192.168.0.0/16"), "private (RFC 1918)"),
    (IPv4Network("192.175.48.0/24"), "AS112 (RFC 7534), answered by the nearest machine"),
    (IPv4Network("198.18.0.0/15"), "benchmarks (RFC 2544)"),
    (IPv4Network("198.51.100.0/24"), "documentation (RFC 5737)"),
    (IPv4Network("203.0.113.0/24"), "documentation (RFC 5737)"),
    (IPv4Network("224.0.0.0/4"), "multicast (RFC 5771)"),
    (IPv4Network("240.0.0.0/4"), "reserved (RFC 1112), and broadcast"),
)

# Only allocated global unicast is public. That excludes loopback, link-local, site-local, unique
# local and multicast addresses, and those with an embedded IPv4 address: compatible (::/96), mapped
# (::ffff:0:0/96), translated (::ffff:0:0:0/96).
GLOBAL_IPV6 = IPv6Network("2000::/3")

# Networks of the global range that are not public.
REFUSED_IPV6 = (
    (IPv6Network("2001::/23"), "protocol assignments (RFC 2928), with Teredo in 2001::/32"),
    (IPv6Network("2001:db8::/32"), "documentation (RFC 3849)"),
    (IPv6Network("2002::/16"), "6to4 (RFC 3056): carries an IPv4 address"),
    (IPv6Network("2620:4f:8000::/48"), "AS112 (RFC 7534), answered by the nearest machine"),
    (IPv6Network("3fff::/20"), "documentation (RFC 9637)"),
)

# For these a NAT64 gateway connects to the embedded IPv4 address (RFC 6052, RFC 8215), so that is
# checked, whatever SOURCE_ALLOWED_NETWORKS says about the prefix.
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))

# The third quarter of an ISATAP address (RFC 5214, section 6.1), with any prefix; the last quarter
# is an IPv4 address.
_ISATAP_MARKS = (0x0000_5EFE, 0x0200_5EFE)


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network, _ in REFUSED_IPV4)
    if address not in GLOBAL_IPV6 or (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP_MARKS:
        return False
    return not any(address in network for network, _ in REFUSED_IPV6)


LOOKUP_SECONDS = 2.0
_DISCARD_PORT = 9


class AddressGuard:
    """Allows public addresses, and those that the operator has configured.

    Args:
        allowed_networks: in CIDR notation; allowed on any port.
        allowed_ports: of public addresses.
        allowed_origins: single addresses, each with its port; they override all other rules.
        refused_networks: in CIDR notation; refused even if public or allowed.
    """

    def __init__(
        self,
        allowed_networks: Iterable[str],
        allowed_ports: Iterable[int],
        allowed_origins: Iterable[tuple[str, int]] = (),
        refused_networks: Iterable[str] = (),
    ) -> None:
        self._allowed = tuple(ip_network(network, strict=False) for network in allowed_networks)
        self._refused = tuple(ip_network(network, strict=False) for network in refused_networks)
        self._ports = tuple(allowed_ports)
        self._origins = frozenset((ip_address(text), port) for text, port in allowed_origins)

    def refusal(self, address: Address, port: int) -> Reason | None:
        """Return the reason why `address` and `port` are refused; None if they are allowed."""
        if (address, port) in self._origins:
            return None
        refusals = (self._refusal(inner, port) for inner in _judged(address))
        return next((refusal for refusal in refusals if refusal is not None), None)

    def _refusal(self, address: Address, port: int) -> Reason | None:
        if any(address in network for network in self._refused):
            return Reason.ADDRESS_NOT_ALLOWED
        if any(address in network for network in self._allowed):
            return None
        if not is_public(address) or _is_own(address):
            return Reason.ADDRESS_NOT_ALLOWED
        return None if port in self._ports else Reason.PORT_NOT_ALLOWED

    def check(self, address: Address, port: int, url: str) -> None:
        """Check an address; called before each request.

        Args:
            address: of the connection.
            port: of the connection.
            url: of the request.

        Raises:
            DownloadError: the address is refused. It does not show it, which would map the network.
        """
        reason = self.refusal(address, port)
        if reason is None:
            return
        host = host_of(url)
        if reason is Reason.PORT_NOT_ALLOWED:
            ports = " and ".join(str(allowed) for allowed in self._ports) or "none"
            message = f"Images are not fetched from port {port}; allowed: {ports}."
        elif _is_literal(host):
            message = (
                f"The host {shown(host)} is not a public internet address; images are fetched from"
                " public addresses only."
            )
        else:
            raise no_such_host(host)
        raise DownloadError(reason, message)

    def check_host(self, url: str) -> None:
        """Check the addresses that the host of a URL has for this machine.

        Raises:
            DownloadError: one of them is refused.
            OSError: socket.gaierror, if the lookup fails; TimeoutError without a response in time.
            UnicodeError: the name cannot be encoded.
        """
        # "127.0.0.1." is a name to the system, and may be an address to a proxy.
        for address in look_up(host_of(url).removesuffix(".")):
            self.check(address, port_of(url), url)


def look_up(host: str, seconds: float = LOOKUP_SECONDS) -> list[Address]:
    """Return the addresses that the system finds for a host within some seconds.

    ``getaddrinfo`` cannot be interrupted, so a thread calls it; after the deadline the thread ends
    with the resolver's own timeout (RES_OPTIONS).
    """
    addresses: Future[list[Address]] = Future()

    def resolve() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses.set_result([ip_address(address[0]) for *_, address in found])
        except (OSError, UnicodeError) as error:
            addresses.set_exception(error)

    try:
        threading.Thread(target=resolve, name="lookup", daemon=True).start()
    except RuntimeError as error:  # the limit of processes is reached
        raise OSError(errno.EAGAIN, str(error)) from error
    return addresses.result(seconds)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def port_of(url: str) -> int:
    return urlsplit(url).port or (443 if url.startswith("https:") else 80)


def no_such_host(host: str) -> DownloadError:
    """Return the error for an unknown name, and for one of an internal address.

    A difference would disclose the names of the internal network.
    """
    return DownloadError(
        Reason.NAME_NOT_FOUND,
        f"The host {shown(host)} does not exist, or is not at a public internet address.",
    )


def _judged(address: Address) -> Iterator[Address]:
    """Yield the addresses to check: `address` itself, or its embedded IPv4 addresses."""
    if address not in _NAT64[0] and address not in _NAT64[1]:
        yield address
        return
    yield IPv4Address(int(address) & 0xFFFF_FFFF)  # behind a prefix of 96 bits
    if address in _NAT64[1]:  # of 48, 56 and 64, around the octet that stays zero (RFC 6052, 2.2)
        packed = address.packed
        yield from (IPv4Address(packed[at:8] + packed[9 : at + 5]) for at in (6, 7, 8))


def _is_own(address: Address) -> bool:
    """Return whether the address is this machine's: it is then the source of packets to it.

    Connecting a datagram socket chooses a route, and sends nothing.
    """
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((str(address), _DISCARD_PORT))
            return ip_address(sock.getsockname()[0]) == address
    except OSError:  # no route, or no such family here
        return False


def _is_literal(host: str) -> bool:
    if ":" in host:
        return True
    try:
        socket.inet_aton(host.rstrip("."))
    except OSError:
        return False
    return True


def shown(host: str) -> str:
    """Return the host, shortened for a sentence; a name may have 253 characters."""
    return host if len(host) <= 100 else host[:99] + "…"  # noqa: PLR2004 - both in one place
