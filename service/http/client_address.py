"""The client's address: that of the peer, or the one that trusted proxies report.

Waitress supports one proxy address or any, but no list of networks, and not the rule for several
proxies: each one appends the address of its peer, so only entries of trusted proxies are true, and
the client can write anything else into X-Forwarded-For.
"""

import ipaddress
from collections.abc import Iterable

import falcon

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_SITE_BITS = 64  # one customer's network (RFC 6177): one host can use any address of it


class TrustedProxies:
    """The networks of trusted proxies, given in CIDR notation."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def __contains__(self, address: Address | str) -> bool:
        parsed = _parse(address) if isinstance(address, str) else address
        return parsed is not None and any(parsed in network for network in self._networks)


class ClientAddressMiddleware:
    """Sets `remote_addr` of a request to the client's address.

    Args:
        trusted_proxies: networks of the proxies whose X-Forwarded-For is trusted.
    """

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = TrustedProxies(trusted_proxies)

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Replace the peer's address if the peer is a trusted proxy."""
        client = _parse(req.remote_addr)
        if client is None:
            return
        if client in self._trusted:
            client = self._forwarded_for(req.get_header("X-Forwarded-For") or "", client)
        req.env["REMOTE_ADDR"] = str(client)

    def _forwarded_for(self, forwarded: str, nearest: Address) -> Address:
        # From the right: the nearest proxy has appended the last entry.
        for entry in reversed(forwarded.split(",")):
            address = _parse(entry)
            if address is None:  # entries further left cannot be trusted
                break
            nearest = address
            if address not in self._trusted:
                break
        return nearest


def client_group(address: str) -> str:
    """Return the client of an address: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed.packed, _IPV6_SITE_BITS), strict=False))
    return address if parsed is None else str(parsed)


def _parse(entry: str) -> Address | None:
    """Parse an address; some proxies append a port: ``192.0.2.1:80`` or ``[2001:db8::1]:80``."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # An IPv4 client of a dual-stack socket.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
