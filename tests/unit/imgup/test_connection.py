"""Retries of requests."""

import socket
import threading
from collections.abc import Iterator

import pytest
import requests
import requests_mock
import urllib3

from imgup import (
    BrokenOffError,
    Client,
    ConflictError,
    Delay,
    RateLimitedError,
    UnavailableError,
    UnreachableError,
)
from tests.unit.imgup.stand_in import JOB, JOB_PATH, Told, html, problem

JOBS = "/v1/images/upload"
ACCEPTED = Told(202, {"jobId": JOB})


def _later(seconds: str, status: int = 503) -> Told:
    return problem(status, "queue-full", "Full.", headers={"Retry-After": seconds})


@pytest.mark.parametrize("status", [409, 429, 503])
def test_a_submission_put_off_is_sent_again_under_the_same_key(stand_in, client, waits, status):
    stand_in.tell("POST", JOBS, _later("2", status), _later("3", status), ACCEPTED)
    assert client.submit(["https://a/1"]).id == JOB
    assert waits == [2.0, 3.0]
    assert len({asked.headers["Idempotency-Key"] for asked in stand_in.asked}) == 1
    assert len({str(asked.body) for asked in stand_in.asked}) == 1


def test_retries_come_to_an_end(stand_in, client, waits):
    stand_in.tell("POST", JOBS, _later("1"))
    with pytest.raises(UnavailableError) as caught:
        client.submit(["https://a/1"])
    assert caught.value.retry_after == 1.0
    assert waits == [1.0] * 4
    assert len(stand_in.asked) == 5


def test_a_wait_of_hours_is_left_to_the_caller(stand_in, client, waits):
    stand_in.tell("GET", "/v1/images", _later("3600", 429))
    with pytest.raises(RateLimitedError) as caught:
        list(client.links())
    assert caught.value.retry_after == 3600.0
    assert waits == []


def test_a_conflict_that_will_not_pass_is_not_sent_again(stand_in, client, waits):
    stand_in.tell("POST", JOB_PATH + "/retry", problem(409, "nothing-to-retry", "None failed."))
    with pytest.raises(ConflictError):
        client.retry(JOB)
    assert (len(stand_in.asked), waits) == (1, [])


def test_without_a_time_to_wait_nothing_is_sent_again(stand_in, client, waits):
    stand_in.tell("GET", "/v1/images", problem(503, "state-lost", "Gone."))
    with pytest.raises(UnavailableError):
        list(client.links())
    assert waits == []


def test_each_delay_is_told(stand_in, waits):
    stand_in.tell("POST", JOBS, _later("2"), ACCEPTED)
    told: list[Delay] = []
    with Client(stand_in.url, on_delay=told.append) as client:
        client._connection.sleep = waits.append
        client.submit(["https://a/1"])
    assert told == [Delay(2.0, "Full. (503 queue-full)")]


def test_a_retry_of_a_job_put_off_by_the_service_is_sent_again(stand_in, client, waits):
    stand_in.tell("POST", JOB_PATH + "/retry", _later("1"), Told(202, {"jobId": "new"}))
    assert client.retry(JOB).id == "new"
    assert waits == [1.0]


def test_a_retry_of_a_job_put_off_by_a_gateway_is_not(stand_in, client, waits):
    told = Told(503, b"busy", {"Content-Type": "text/plain", "Retry-After": "1"})
    stand_in.tell("POST", JOB_PATH + "/retry", told)
    with pytest.raises(UnavailableError, match="gateway"):
        client.retry(JOB)
    assert waits == []


def test_a_gateway_without_a_service_is_an_unreachable_one(stand_in, client, waits):
    stand_in.tell("GET", "/v1/images", html(502))
    with pytest.raises(UnreachableError, match="502"):
        list(client.links())
    assert waits == [0.5, 1.0, 2.0, 4.0]


# --- answers that are lost ------------------------------------------------------------------


@pytest.fixture
def adapter(client: Client) -> requests_mock.Adapter:
    mounted = requests_mock.Adapter()
    client._connection.session.mount(client.url, mounted)
    return mounted


_RESET = requests.ConnectionError(urllib3.exceptions.ProtocolError("reset"))
_lost = pytest.mark.parametrize("lost", [_RESET, requests.ReadTimeout()], ids=["reset", "timeout"])


@_lost
def test_a_submission_whose_answer_was_lost_is_sent_again_under_the_same_key(
    client, adapter, waits, lost
):
    answers = [{"exc": lost}, {"json": {"jobId": JOB}, "status_code": 202}]
    adapter.register_uri("POST", client.url + JOBS, answers)
    assert client.submit(["https://a/1"]).id == JOB
    first, second = (request.headers["Idempotency-Key"] for request in adapter.request_history)
    assert first == second
    assert waits == [0.5]


@_lost
def test_a_retry_of_a_job_whose_answer_was_lost_is_not_sent_again(client, adapter, waits, lost):
    adapter.register_uri("POST", client.url + JOB_PATH + "/retry", exc=lost)
    with pytest.raises(BrokenOffError):
        client.retry(JOB)
    assert (adapter.call_count, waits) == (1, [])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ConnectTimeout(), "timed out"),
        (requests.exceptions.SSLError(), "TLS"),
        (requests.exceptions.ProxyError(), "proxy"),
        (requests.exceptions.InvalidURL(), "http://.* is not a valid address"),
        (urllib3.exceptions.LocationParseError("a..b"), "http://.* is not a valid address"),
        (requests.exceptions.InvalidSchema("Missing dependencies"), "needs the package PySocks"),
        (requests.exceptions.InvalidProxyURL(), "proxy of the environment"),
        (
            requests.exceptions.InvalidURL(urllib3.exceptions.ProxySchemeUnknown("foo")),
            "proxy of the environment",
        ),
    ],
)
def test_what_never_arrived_is_named_and_not_sent_again(client, adapter, waits, error, said):
    adapter.register_uri("POST", client.url + JOBS, exc=error)
    with pytest.raises(UnreachableError, match=said):
        client.submit(["https://a/1"])
    assert (adapter.call_count, waits) == (1, [])


@pytest.fixture
def hanging_up() -> Iterator[str]:
    """The address of a server that closes each connection after its first read."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_a_server_that_hangs_up_is_asked_a_few_times(hanging_up, waits):
    with Client(hanging_up) as client:
        client._connection.sleep = waits.append
        with pytest.raises(BrokenOffError, match="closed the connection"):
            client.ready()
    assert waits == [0.5, 1.0, 2.0, 4.0]


# --- what the environment may not change ----------------------------------------------------


def test_no_proxy_and_no_netrc_comes_between_a_client_and_its_own_machine(
    stand_in, monkeypatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    stand_in.tell("GET", "/readyz", Told(body={"ready": True, "state": "x", "detail": "y"}))
    with Client(stand_in.url) as client:
        client.ready()
    assert "Authorization" not in stand_in.asked[0].headers


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:x", "http://a..b:1", "http://[::1"])
def test_a_proxy_that_is_no_address_is_named(proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", proxy)
    with (
        Client("http://imgup.example") as client,
        pytest.raises(UnreachableError, match="The proxy of the environment"),
    ):
        client.ready()


def test_certificates_of_the_environment_count_on_this_machine_too(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/my/certificates")
    mounted = requests_mock.Adapter()
    ready = {"ready": True, "state": "x", "detail": "y"}
    request = mounted.register_uri("GET", "https://localhost/readyz", json=ready)
    with Client("https://localhost") as client:
        client._connection.session.mount("https://", mounted)
        client.ready()
    assert request.last_request.verify == "/my/certificates"


def test_certificates_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    with (
        Client("https://imgup.example") as client,
        pytest.raises(UnreachableError, match="REQUESTS_CA_BUNDLE"),
    ):
        client.ready()


def test_a_proxy_leads_to_other_machines(stand_in, monkeypatch):
    monkeypatch.setenv("http_proxy", stand_in.url)
    stand_in.tell("GET", "/readyz", Told(body={"ready": True, "state": "x", "detail": "y"}))
    with Client("http://imgup.example") as client:
        assert client.ready().ready
    assert stand_in.asked[0].headers["Host"] == "imgup.example"
