"""A name server on loopback that answers what a row says (RFC 1035, over UDP and TCP)."""

import ipaddress
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT = 53

_A, _AAAA = 1, 28
_NO_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME, _REFUSED = 0, 2, 3, 5
_ERRORS = {
    "EAI_NONAME": _NO_SUCH_NAME,
    "EAI_NODATA": _NO_ERROR,
    "EAI_AGAIN": _SERVER_FAILURE,
    "REFUSED": _REFUSED,
}
_LONGEST_DATAGRAM = 512
_IS_CUT = 0x0200
_IS_ANSWER = 0x8180  # to a query that wanted recursion, which is available


class NameServer:
    """Answers until the process ends.

    Args:
        address: where it listens, on port 53.

    Attributes:
        asked: the names looked up, once a lookup.
        names: what they resolve to: each lookup takes the next list of addresses, and the last one
            stays. An entry that is text is an error.
    """

    def __init__(self, address: str) -> None:
        self.asked: list[str] = []
        self.names: Mapping[str, list[Any]] = {}
        self._current: dict[str, Any] = {}
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, PORT))
        self._tcp = socket.create_server((address, PORT))
        for serve in (self._serve_datagrams, self._serve_connections):
            threading.Thread(target=serve, daemon=True).start()

    def _serve_datagrams(self) -> None:
        while True:
            query, sender = self._udp.recvfrom(4096)
            answer = self._answer(query, is_new=True)
            if len(answer) > _LONGEST_DATAGRAM:
                flags = struct.pack(">H", _IS_ANSWER | _IS_CUT)
                answer = query[:2] + flags + query[4:6] + bytes(6) + _question(query)
            self._udp.sendto(answer, sender)

    def _serve_connections(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while size := stream.read(2):
                query = stream.read(int.from_bytes(size, "big"))
                answer = self._answer(query, is_new=False)
                connection.sendall(struct.pack(">H", len(answer)) + answer)

    def _answer(self, query: bytes, *, is_new: bool) -> bytes:
        name, kind = _name(query), int.from_bytes(_question(query)[-4:-2], "big")
        # A lookup asks for both kinds of address, IPv4 first.
        if kind == _A and is_new:
            self.asked.append(name)
            answers = self.names.get(name, ["EAI_NONAME"])
            self._current[name] = answers.pop(0) if len(answers) > 1 else answers[0]
        found = self._current.get(name, "EAI_NONAME")
        code = _ERRORS[found] if isinstance(found, str) else _NO_ERROR
        addresses = [] if isinstance(found, str) else map(ipaddress.ip_address, found)
        wanted = [one.packed for one in addresses if (one.version == 6) == (kind == _AAAA)]
        records = [
            # A pointer to the name in the question; class IN, kept for no second.
            struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
            for packed in wanted
        ]
        head = struct.pack(">HHHHH", _IS_ANSWER | code, 1, len(records), 0, 0)
        return query[:2] + head + _question(query) + b"".join(records)


def _question(query: bytes) -> bytes:
    end = query.index(b"\0", 12) + 5
    return query[12:end]


def _name(query: bytes) -> str:
    labels, position = [], 12
    while length := query[position]:
        labels.append(query[position + 1 : position + 1 + length].decode("latin-1"))
        position += 1 + length
    return ".".join(labels).lower()
