"""Large jobs through the real web server, and a job that is followed while it is worked on."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from service.app import create_app
from service.http.server import WebServer
from service.settings.environment import load_settings
from tests.plain_backend import PlainBackend
from workers import Submission
from workers.contract.messages.outcomes import Uploaded

PATIENCE = 60.0
SLOW_READERS = 10  # more than the server has threads
JOB_ID = "55355b7c-9b86-4a1a-b32e-6cdd6db07183"
SMALL_JOB_ID = "55355b7c-9b86-4a1a-b32e-6cdd6db07184"
PATH, SMALL_PATH = (f"/v1/images/upload/{job_id}" for job_id in (JOB_ID, SMALL_JOB_ID))
# An answer of about 13 MB, two of which are more than waitress lets wait for a client.
URLS = tuple(
    f"https://source.test/images/{number:09d}_0123456789ab.jpg" for number in range(60_000)
)
LINKS = tuple(f"https://i.imgur.test/{number:07d}.jpg" for number in range(5000))


class Front:
    """The web server over a backend with two jobs, which nobody works on."""

    def __init__(self) -> None:
        self.backend = PlainBackend()
        table = self.backend.table
        table.open(Submission(JOB_ID, URLS))
        table.open(Submission(SMALL_JOB_ID, URLS[:1]))
        for index, link in enumerate(LINKS):
            table.record(JOB_ID, index, Uploaded(link, "hash"))
        app = create_app(self.backend, load_settings({"IMGUR_CLIENT_ID": "id"}))
        self.server = WebServer(app, "127.0.0.1", 0)
        self.server.start()
        self.http = requests.Session()
        self.http.trust_env = False

    def ask(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        return self.http.request(method, url, headers=headers, timeout=PATIENCE)

    def connect(self, receive_buffer: int = 4096) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", self.server.port))
        return sock


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    front = Front()
    with contextlib.closing(front.server), front.http:
        yield front


def request_for(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def read_head(sock: socket.socket) -> tuple[dict[str, str], bytes]:
    """The header of an answer, and what came of the body with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        some = sock.recv(65536)
        assert some, data
        data += some
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 200 OK"
    return {name.lower(): text for name, _, text in (x.partition(": ") for x in lines[1:])}, body


def test_a_large_job_is_shown_whole_at_a_known_length(front: Front) -> None:
    answer = front.ask(PATH)
    status = answer.json()
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert "Transfer-Encoding" not in answer.headers
    assert "Connection" not in answer.headers, "the next request need not connect again"
    assert status["uploaded"]["complete"] == list(LINKS)
    assert status["uploaded"]["pending"] == list(URLS[len(LINKS) :])
    assert [result["url"] for result in status["results"]] == list(URLS)
    assert status["counts"]["complete"] == len(LINKS)


@pytest.mark.parametrize("path", [PATH, "/v1/images", PATH + "?limit=3", "/v1/images?limit=3"])
def test_what_the_client_has_is_not_sent_again(front: Front, path: str) -> None:
    shown, head = front.ask(path), front.ask(path, "HEAD")
    for name in ("ETag", "Content-Length", "Cache-Control", "Content-Type"):
        assert head.headers[name] == shown.headers[name]
    known = front.ask(path, **{"If-None-Match": f'"x", W/{shown.headers["ETag"]}'})
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["ETag"] == shown.headers["ETag"]
    assert "Content-Length" not in known.headers
    again = front.ask(path, **{"If-None-Match": '"x"'})
    assert again.content == shown.content


def test_slow_readers_hold_up_nobody_and_get_all_of_it(front: Front) -> None:
    expected = front.ask(PATH).content
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(front.connect()) for _ in range(SLOW_READERS)]
        for reader in readers:
            reader.sendall(request_for(PATH))
        heads = [read_head(reader) for reader in readers]  # all are under way, and none is sent
        for path in (SMALL_PATH, "/v1/images", PATH):
            assert front.ask(path).status_code == 200
        for reader, (headers, body) in list(zip(readers, heads, strict=True))[:3]:
            assert int(headers["content-length"]) == len(expected)
            data = bytearray(body)
            while len(data) < len(expected):
                data += reader.recv(2**20)
            assert data == expected
            reader.sendall(request_for(SMALL_PATH))
            assert int(read_head(reader)[0]["content-length"])


def test_requests_in_one_piece_for_more_than_fits_hold_up_nobody(front: Front) -> None:
    with contextlib.ExitStack() as stack:
        readers = [stack.enter_context(front.connect()) for _ in range(SLOW_READERS)]
        for reader in readers:
            reader.sendall(request_for(PATH) * 4)
        for reader in readers:
            read_head(reader)
        assert front.ask(SMALL_PATH).status_code == 200
    with front.connect(2**20) as reader:
        reader.sendall(request_for(PATH) * 4)
        data = bytearray()
        while some := reader.recv(2**20):
            data += some
    answers = bytes(data).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert answers
    assert b"Connection: close" in answers[-1].partition(b"\r\n\r\n")[0]
    assert json.loads(answers[-1].partition(b"\r\n\r\n")[2])["id"] == JOB_ID


def test_a_job_is_followed_while_it_is_worked_on(service: Any) -> None:
    count = 60
    urls = [f"{service.sandbox}/images/small.png?{number}" for number in range(count)]
    job_id = service.submit(urls)
    path = f"/v1/images/upload/{job_id}"
    seen: dict[str, Any] = {}

    def complete() -> Any:
        known = {"If-None-Match": ", ".join(seen)}
        answer = service.http.get(service.url + path, headers=known, timeout=PATIENCE)
        if answer.status_code == 304:
            assert answer.headers["ETag"] in seen
            return None
        status = answer.json()
        counts, lists = status["counts"], status["uploaded"]
        assert {state: len(lists[state]) for state in lists} == {
            state: counts[state] for state in lists
        }
        assert answer.headers["ETag"] not in seen
        seen[answer.headers["ETag"]] = status
        page = service.get(path + "?limit=7&cursor=50").json()
        assert [result["url"] for result in page["results"]] == urls[50:57]
        assert page["next"] == 57
        return status if status["status"] == "complete" else None

    status = service.wait_for("complete job", complete)
    assert [result["url"] for result in status["results"]] == urls
    assert status["counts"] == {"pending": 0, "complete": count, "failed": 0, "total": count}
    links = service.get("/v1/images").json()["uploaded"]
    assert set(status["uploaded"]["complete"]) <= set(links)
    assert service.get(path).json() == status
