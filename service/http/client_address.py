"""Whose request it is: the peer's address, or the one that trusted proxies vouch for.

Waitress can do this for one proxy address or for any; a list of networks it does not know, nor
the rule that matters behind several proxies: each one appends the address that it saw, so only
what trusted ones have appended is true, and the rest of X-Forwarded-For is whatever the client
wrote there.
"""

import ipaddress
from collections.abc import Iterable

import falcon

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV6_SITE_BITS = 64  # one customer's network (RFC 6177): one host can use any address of it


class TrustedProxies:
    """The networks of proxies that are believed.

    Args:
        networks: in CIDR notation.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]

    def __contains__(self, address: Address | str) -> bool:
        parsed = _parse(address) if isinstance(address, str) else address
        return parsed is not None and any(parsed in network for network in self._networks)


class ClientAddressMiddleware:
    """Makes `remote_addr` of a request the client's own address.

    Args:
        trusted_proxies: networks of the proxies whose X-Forwarded-For is believed. Empty: nobody's.
    """

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = TrustedProxies(trusted_proxies)

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Replace the peer's address where the peer is a trusted proxy."""
        client = _parse(req.remote_addr)
        if client is None:
            return
        if client in self._trusted:
            client = self._vouched_for(req.get_header("X-Forwarded-For") or "", client)
        req.env["REMOTE_ADDR"] = str(client)

    def _vouched_for(self, forwarded: str, nearest: Address) -> Address:
        # From the right, where the nearest proxy has written.
        for entry in reversed(forwarded.split(",")):
            address = _parse(entry)
            if address is None:  # nobody can vouch for what stands further left
                break
            nearest = address
            if address not in self._trusted:
                break
        return nearest


def client_group(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed.packed, _IPV6_SITE_BITS), strict=False))
    return address if parsed is None else str(parsed)


def _parse(entry: str) -> Address | None:
    """An address; some proxies append the port, as in ``192.0.2.1:80`` or ``[2001:db8::1]:80``."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # An IPv4 client of a socket that listens on both kinds.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
