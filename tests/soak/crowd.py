"""Clients that mean harm, on one event loop: slow readers, slow writers and event followers.

``python -m tests.soak.crowd URL KEY`` goes on until its standard input ends, then prints as JSON
how often each kind has connected, and how many connections of it were open, each second.
"""

import asyncio
import contextlib
import json
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import requests

ADDRESS = "127.0.0.2"  # not that of those whose answers are timed
WANTED = {"readers": 200, "writers": 20, "followers": 20}

_RECEIVE_BUFFER = 4096
_PIPELINED = 20
_BODY_BYTES = 16_000_000
# Every other one is below the least rate of 4 KiB/s, and so cut off again and again.
_BYTES_PER_SECOND = (1024, 8192)
_HOLD_SECONDS, _SPREAD_SECONDS = 20.0, 20  # at least, and more for each by its number
_AGAIN_SECONDS = 1.0

Attack = Callable[[socket.socket, int], Awaitable[None]]


class Crowd:
    """Attacks a service until it is cancelled.

    Args:
        url: of the service.
        key: an API key that has large jobs.

    Attributes:
        connects: of each kind.
        open: the numbers of each kind that were open, a second apart.
    """

    def __init__(self, url: str, key: str) -> None:
        address = urlsplit(url)
        self._target = (address.hostname, address.port)
        self._url, self._key = url, key
        self._job_id: str | None = None
        self._now: Counter[str] = Counter()
        self.connects: Counter[str] = Counter()
        self.open: list[Counter[str]] = []

    async def run(self) -> None:
        attacks = {"readers": self._read, "writers": self._write, "followers": self._follow}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            for kind, attack in attacks.items():
                for number in range(WANTED[kind]):
                    tasks.create_task(self._again_and_again(kind, attack, number))

    async def _watch(self) -> None:
        """Count what is open, and look for a large job: if there is one, one that goes on."""
        while True:
            self.open.append(self._now.copy())
            with contextlib.suppress(requests.RequestException):
                answer = await asyncio.to_thread(self._ask, "/v1/jobs?limit=10")
                if answer.ok and (jobs := answer.json()["jobs"]):
                    going_on = (job for job in jobs if job["status"] != "complete")
                    self._job_id = next(going_on, jobs[0])["id"]
            await asyncio.sleep(1.0)

    def _ask(self, path: str) -> requests.Response:
        with requests.Session() as http:
            http.trust_env = False
            return http.get(self._url + path, headers={"X-API-Key": self._key}, timeout=30)

    async def _again_and_again(self, kind: str, attack: Attack, number: int) -> None:
        later = float(number % _SPREAD_SECONDS)
        await asyncio.sleep(later)
        while True:
            # The kernel of who does not read hides for minutes that the service has closed.
            with contextlib.suppress(OSError, TimeoutError):
                async with self._connected(kind) as sock, asyncio.timeout(_HOLD_SECONDS + later):
                    await attack(sock, number)
            await asyncio.sleep(_AGAIN_SECONDS)

    @contextlib.asynccontextmanager
    async def _connected(self, kind: str) -> AsyncIterator[socket.socket]:
        with socket.socket() as sock:
            # What the kernel takes on behalf of a client is not unread for the service.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            sock.settimeout(0)
            sock.bind((ADDRESS, 0))
            await asyncio.get_running_loop().sock_connect(sock, self._target)
            self.connects[kind] += 1
            self._now[kind] += 1
            try:
                yield sock
            finally:
                self._now[kind] -= 1

    async def _read(self, sock: socket.socket, number: int) -> None:
        """Take a large answer slowly: a large job, or many small answers asked for in one piece."""
        loop = asyncio.get_running_loop()
        if number % 4 < 2 or self._job_id is None:  # a half of those of either rate
            await loop.sock_sendall(sock, self._request("GET /docs") * _PIPELINED)
        else:
            path = f"/v1/images/upload/{self._job_id}"
            await loop.sock_sendall(sock, self._request(f"GET {path}"))
        while True:
            if not await loop.sock_recv(sock, _BYTES_PER_SECOND[number % 2]):
                return
            await asyncio.sleep(1.0)

    async def _write(self, sock: socket.socket, number: int) -> None:
        """Send a large body slowly."""
        loop = asyncio.get_running_loop()
        length = f"Content-Length: {_BODY_BYTES}"
        await loop.sock_sendall(sock, self._request("POST /v1/images/upload", length))
        while True:
            await loop.sock_sendall(sock, b" " * _BYTES_PER_SECOND[number % 2])
            await asyncio.sleep(1.0)

    async def _follow(self, sock: socket.socket, number: int) -> None:
        """Follow a large job; every other one reads nothing."""
        if self._job_id is None:
            return
        loop = asyncio.get_running_loop()
        path = f"/v1/images/upload/{self._job_id}/events?limit=10000"
        await loop.sock_sendall(sock, self._request(f"GET {path}"))
        if number % 2:
            await asyncio.Future()
        else:
            while await loop.sock_recv(sock, 65_536):
                pass

    def _request(self, line: str, *headers: str) -> bytes:
        head = (f"{line} HTTP/1.1", "Host: test", f"X-API-Key: {self._key}", *headers)
        return "\r\n".join((*head, "", "")).encode()


async def _main(url: str, key: str) -> None:
    crowd = Crowd(url, key)
    attack = asyncio.create_task(crowd.run())
    told_to_stop = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait((attack, told_to_stop), return_when=asyncio.FIRST_COMPLETED)
    if attack.done():
        attack.result()  # it never ends but with an error
    attack.cancel()
    json.dump({"connects": crowd.connects, "open": crowd.open}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
