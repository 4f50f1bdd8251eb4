"""The sandbox as a process of its own, started as people and the service start it."""

import concurrent.futures
import contextlib
import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import urllib3

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
PIPE_BYTES = os.sysconf("SC_PAGE_SIZE")  # no pipe is smaller
AUTHORIZED = {"Authorization": "Client-ID tests"}


class RunningSandbox:
    """A sandbox process, what it logs, and a client for it."""

    def __init__(self, *arguments, fds=()):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            pass_fds=fds,
        )
        self.hello = json.loads(self.process.stdout.readline())
        self.origin = self.hello["origin"]
        self.http = requests.Session()
        self.http.trust_env = False

    @property
    def address(self):
        host, port = self.origin.removeprefix("http://").rsplit(":", 1)
        return host, int(port)

    def get(self, path, **more):
        return self.http.get(self.origin + path, timeout=PATIENCE_SECONDS, **more)

    def upload(self, image, path="/3/image"):
        return self.http.post(
            self.origin + path,
            files={"image": ("image.png", image, "image/png")},
            headers=AUTHORIZED,
            timeout=PATIENCE_SECONDS,
        )

    def exit_code(self):
        return self.process.wait(PATIENCE_SECONDS)

    def close(self):
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def start():
    """Start sandboxes that end with the test."""
    running = []

    def begin(*arguments, fds=()):
        running.append(RunningSandbox(*arguments, fds=fds))
        return running[-1]

    yield begin
    for sandbox in running:
        sandbox.close()


@pytest.fixture(scope="module")
def sandbox():
    """One sandbox, shared by the tests that do it no harm."""
    running = RunningSandbox("--port", "0")
    yield running
    assert running.process.poll() is None
    running.close()


# --- life ----------------------------------------------------------------------------------------


def test_it_says_in_one_line_where_it_listens(sandbox):
    assert sandbox.hello["event"] == "sandbox listening"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", sandbox.origin)
    assert sandbox.get("/sandbox/health").json()["status"] == "ok"


def test_it_listens_on_ipv6(start):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6 here")
    sandbox = start("--host", "::", "--port", "0")
    assert sandbox.origin.startswith("http://[::1]:")
    assert sandbox.get("/images").json()["images"][0].startswith(sandbox.origin)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_at_once_without_a_trace(start, number):
    sandbox = start("--port", "0")
    with sandbox.get("/faults/drip", stream=True) as dripping:
        assert dripping.status_code == 200
        sandbox.process.send_signal(number)
        assert sandbox.exit_code() == 0
    assert sandbox.process.stderr.read() == b""


def test_a_log_that_nobody_reads_holds_nothing_up(start):
    sandbox = start("--port", "0")
    form = {"image": (None, "https://example.com/a.png")}
    path = sandbox.origin + "/3/image"
    for _ in range(4 * PIPE_BYTES // 100):  # a line each, of some 130 bytes; streams hold some, too
        answer = sandbox.http.post(path, files=form, headers=AUTHORIZED, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 400
    sandbox.process.send_signal(signal.SIGTERM)
    assert sandbox.exit_code() == 0
    assert sandbox.process.stderr.read() == b""


def test_it_leaves_with_its_standard_input(start):
    sandbox = start("--port", "0", "--leave-with-stdin")
    sandbox.process.send_signal(signal.SIGINT)
    sandbox.process.stdin.write(b"anything\n")
    sandbox.process.stdin.flush()
    assert sandbox.get("/sandbox/health").status_code == 200  # SIGINT was for the parent
    sandbox.process.stdin.close()
    assert sandbox.exit_code() == 0
    assert sandbox.process.stderr.read() == b""


def test_an_inherited_socket_keeps_its_address_over_a_restart(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number, port = listener.fileno(), listener.getsockname()[1]
        first = start("--fd", str(number), fds=[number])
        assert first.origin == f"http://127.0.0.1:{port}"
        link = first.upload(first.get("/images/small.png").content).json()["data"]["link"]
        first.process.kill()
        first.exit_code()
        waiting = concurrent.futures.ThreadPoolExecutor(1)
        with waiting:  # asked while nobody is there: the connection waits in the backlog
            answer = waiting.submit(requests.get, link, timeout=PATIENCE_SECONDS)
            second = start("--fd", str(number), fds=[number])
            # The new process never saw the image, and shows no other one in its place.
            assert answer.result(PATIENCE_SECONDS).status_code == 404
        fresh = second.upload(second.get("/images/small.png").content).json()["data"]["link"]
        assert fresh.startswith(first.origin)
        assert fresh != link


def test_an_access_token_survives_a_restart(start):
    grant = {
        "client_id": "i",
        "client_secret": "s",
        "refresh_token": "sandbox-r",
        "grant_type": "refresh_token",
    }
    first, second = start("--port", "0", "--token-seconds", "100"), start("--port", "0")
    told = first.http.post(f"{first.origin}/oauth2/token", data=grant, timeout=30).json()
    assert told["expires_in"] == 100
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    assert second.get("/3/credits", headers=bearer).status_code == 200


def test_a_port_in_use_is_one_line_and_exit_code_2():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "sandbox", "--port", port],
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    assert ended.returncode == 2
    assert ended.stderr.count(b"\n") == 1
    assert b"cannot listen" in ended.stderr


# --- the wire ------------------------------------------------------------------------------------


def test_an_image_goes_from_the_gallery_to_a_link_and_back(sandbox):
    for url in sandbox.get("/images").json()["images"]:
        image = sandbox.http.get(url, timeout=PATIENCE_SECONDS)
        answer = sandbox.upload(image.content)
        assert answer.status_code == 200
        assert answer.headers["X-Sandbox"]
        assert int(answer.headers["X-Post-Rate-Limit-Remaining"]) > 0
        link = answer.json()["data"]["link"]
        assert re.fullmatch(re.escape(sandbox.origin) + r"/sandbox/sbx-[0-9a-f]{12}\.\w+", link)
        back = sandbox.http.get(link, timeout=PATIENCE_SECONDS)
        assert back.content == image.content
        assert back.headers["Content-Type"] == image.headers["Content-Type"]
        assert back.headers["X-Content-Type-Options"] == "nosniff"


def test_a_body_in_chunks_is_taken(sandbox):
    image = sandbox.get("/images/drawing.png").content
    fields = {"image": ("image.png", image, "image/png")}
    body, kind = urllib3.encode_multipart_formdata(fields)
    pieces = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    headers = AUTHORIZED | {"Content-Type": kind}
    url = f"{sandbox.origin}/3/image"
    answer = sandbox.http.post(url, data=pieces, headers=headers, timeout=PATIENCE_SECONDS)
    assert answer.json()["data"]["size"] == len(image)


def test_head_has_the_headers_only(sandbox):
    path = sandbox.origin + "/images/numbered/9.png"
    told = sandbox.http.head(path, timeout=PATIENCE_SECONDS)
    assert int(told.headers["Content-Length"]) == len(sandbox.get("/images/numbered/9.png").content)
    assert told.content == b""


def test_a_reset_and_a_short_body_are_seen_as_such(sandbox):
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="reset"):
        sandbox.get("/faults/reset")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        sandbox.get("/faults/short")
    with pytest.raises(requests.exceptions.ConnectionError):
        sandbox.upload(b"anything", "/faults/imgur/reset/3/image")


def test_a_body_without_end_can_be_left(sandbox):
    for path in ("/faults/endless", "/faults/too-large", "/faults/drip"):
        with sandbox.get(path, stream=True) as answer:
            assert next(answer.iter_content(1))
    assert sandbox.get("/sandbox/health").status_code == 200


def test_late_answers_do_not_hold_up_others(sandbox):
    with contextlib.ExitStack() as open_ones:
        late = [
            open_ones.enter_context(socket.create_connection(sandbox.address)) for _ in range(20)
        ]
        for client in late:  # too late for any test
            client.sendall(
                b"GET /faults/latency/999999/images/small.png HTTP/1.1\r\nHost: h\r\n\r\n"
            )
        assert sandbox.get("/images/small.png").status_code == 200
        assert sandbox.get("/faults/latency/1/images/small.png").status_code == 200
        assert not select.select(late, [], [], 0)[0]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\r\nbad\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"POST /3/image HTTP/1.1\r\nHost: h\r\nContent-Length: 30000000\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"y" * 70_000, 400),
    ],
    ids=["nonsense", "bad field", "TLS", "large body", "large head"],
)
def test_what_it_does_not_take_gets_an_answer_and_the_end(sandbox, data, status):
    with socket.create_connection(sandbox.address, timeout=PATIENCE_SECONDS) as client:
        client.sendall(data)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert re.match(rf"HTTP/1\.[01] {status} ", answer.decode())
    assert sandbox.get("/sandbox/health").status_code == 200


def test_many_connections_are_served_side_by_side(sandbox):
    with contextlib.ExitStack() as open_ones:
        clients = [
            open_ones.enter_context(
                socket.create_connection(sandbox.address, timeout=PATIENCE_SECONDS)
            )
            for _ in range(400)
        ]
        for client in clients:
            client.sendall(b"GET /images/small.png HTTP/1.1\r\nHost: h\r\n\r\n")
        for client in clients:
            answer = client.recv(1000)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nX-Sandbox: " in answer


def test_random_bytes_never_take_it_down(sandbox):
    for seed in range(60):
        noise = io.BytesIO(os.urandom(500) + b"\r\n\r\n").read()
        start_of_request = [b"", b"GET /images/", b"POST /3/image HTTP/1.1\r\n"][seed % 3]
        with socket.create_connection(sandbox.address, timeout=PATIENCE_SECONDS) as client:
            client.sendall(start_of_request + noise)
            client.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while client.recv(65_536):
                    pass
    assert sandbox.get("/sandbox/health").status_code == 200


def test_uploads_can_be_counted_and_reset(sandbox):
    sandbox.http.delete(sandbox.hello["uploads"], timeout=PATIENCE_SECONDS)  # those of other tests
    for number in range(3):
        image = sandbox.get(f"/images/numbered/{number}.png").content
        assert sandbox.upload(image).status_code == 200
    failing = sandbox.get("/images/imgur-fault/503~1.png").content
    assert [sandbox.upload(failing).status_code for _ in range(2)] == [503, 200]
    told = sandbox.http.get(sandbox.hello["uploads"], timeout=PATIENCE_SECONDS).json()
    assert (told["count"], told["attempts"]) == (4, 5)
    names = [upload["name"] for upload in told["uploads"]]
    assert names == ["0.png", "1.png", "2.png", "fault 503~1"]
    assert sandbox.get("/sandbox/uploads").status_code == 403
    nothing = {"count": 0, "attempts": 0, "uploads": [], "albums": []}
    for ask in (sandbox.http.delete, sandbox.http.get):
        assert ask(sandbox.hello["uploads"], timeout=PATIENCE_SECONDS).json() == nothing
