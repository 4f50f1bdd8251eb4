"""Who reaches the running service: from where, by which page, with which body."""

import contextlib
import gzip
import json
import socket
from urllib.parse import urlsplit

import pytest
import requests

from tests.running_service import Launch, RunningService

PATIENCE = 60.0
ELSEWHERE = "127.0.0.2"
"""An address of this machine that whoever listens on 127.0.0.1 alone does not have, and whoever
listens on all of them does."""
OPEN = (
    "OPEN: whoever reaches this address may send jobs and see all of them; set API_KEYS, or HOST "
    "to 127.0.0.1"
)
APP = "https://app.example"


def is_reached(address: str, origin: str) -> bool:
    with contextlib.suppress(ConnectionRefusedError):
        socket.create_connection((address, urlsplit(origin).port), PATIENCE).close()
        return True
    return False


@pytest.fixture(scope="module")
def shared(launch_shared: Launch) -> RunningService:
    settings = {"HOST": "", "CORS_ORIGINS": APP, "MAX_BODY_BYTES": "64KiB", "WORKER_COUNT": "1"}
    return launch_shared(SANDBOX="on", **settings).wait_until_ready()


class TestListening:
    def test_on_loopback_by_default(self, shared: RunningService) -> None:
        for origin in (shared.url, shared.sandbox):
            assert is_reached("127.0.0.1", origin)
            assert not is_reached(ELSEWHERE, origin)
        assert not shared.events(OPEN), "it would come before the sandbox's line"

    def test_beyond_it_without_keys_is_a_warning_and_the_sandbox_stays(
        self, launch: Launch
    ) -> None:
        service = launch(HOST="0.0.0.0", SANDBOX="on", WORKER_COUNT="1")
        (warning,) = service.wait_for_events(OPEN, 1)
        assert (warning["level"], warning["listening"]) == ("warning", "0.0.0.0")
        assert is_reached(ELSEWHERE, service.url)
        assert not is_reached(ELSEWHERE, service.sandbox)

    def test_with_keys_it_is_none_and_the_sandbox_goes_where_it_is_told(
        self, launch: Launch
    ) -> None:
        service = launch(
            HOST="0.0.0.0",
            SANDBOX="on",
            SANDBOX_HOST="0.0.0.0",
            API_KEYS="k",
            WORKER_COUNT="1",
        ).wait_until_ready()
        assert is_reached(ELSEWHERE, service.sandbox)
        assert not service.events(OPEN), "it would come before the sandbox's line"
        service.http.headers["X-API-Key"] = "k"
        job = service.upload_all([service.sandbox + "/images/small.png"])
        assert len(job["uploaded"]["complete"]) == 1


def body_of(service: RunningService) -> bytes:
    return json.dumps({"urls": [service.sandbox + "/images/small.png"]}).encode()


def post(
    service: RunningService, body: bytes, path: str = "/v1/images/upload", **headers: str
) -> requests.Response:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    fields = {"Content-Type": "application/json"} | fields
    return service.http.post(service.url + path, data=body, headers=fields, timeout=PATIENCE)


class TestBrowsers:
    def test_a_rebound_name_neither_posts_nor_reads(self, shared: RunningService) -> None:
        port = urlsplit(shared.url).port
        host = f"rebound.example:{port}"
        answer = post(shared, body_of(shared), Host=host, Origin=f"http://{host}")
        assert (answer.status_code, answer.json()["code"]) == (403, "host-not-allowed")
        for marks in ({"Sec-Fetch-Site": "same-origin"}, {"Accept-Language": "en-US,en;q=0.9"}):
            answer = shared.http.get(
                shared.url + "/v1/images", headers={"Host": host} | marks, timeout=PATIENCE
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "host-not-allowed")
        assert post(shared, body_of(shared), Host=host).status_code == 202  # a program

    def test_another_origin_is_refused_and_one_of_the_setting_is_not(
        self, shared: RunningService
    ) -> None:
        answer = post(shared, body_of(shared), Origin="https://other.example")
        assert (answer.status_code, answer.json()["code"]) == (403, "origin-not-allowed")
        answer = post(shared, body_of(shared), Origin=APP)
        assert answer.status_code == 202
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert "Location" in answer.headers["Access-Control-Expose-Headers"]

    def test_preflights(self, shared: RunningService) -> None:
        for origin, status in ((APP, 200), ("https://other.example", 403)):
            answer = shared.http.options(
                shared.url + "/v1/images/upload",
                headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
                timeout=PATIENCE,
            )
            assert answer.status_code == status
            allowed = answer.headers.get("Access-Control-Allow-Methods", "")
            assert ("POST" in allowed) == (status == 200)


class TestBodies:
    def test_in_gzip(self, shared: RunningService) -> None:
        answer = post(shared, gzip.compress(body_of(shared)), Content_Encoding="gzip")
        assert answer.status_code == 202
        shared.wait_complete(answer.json()["jobId"])

    def test_a_bomb_is_refused(self, shared: RunningService) -> None:
        bomb = gzip.compress(bytes(40 * 1024**2))  # itself no longer than is let through
        assert len(bomb) < 64 * 1024
        answer = post(shared, bomb, Content_Encoding="gzip")
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")

    def test_another_coding(self, shared: RunningService) -> None:
        answer = post(shared, body_of(shared), Content_Encoding="br")
        assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "gzip")

    def test_a_field_twice(self, shared: RunningService) -> None:
        twice = body_of(shared)[:-1] + b", " + body_of(shared)[1:]
        answer = post(shared, twice)
        assert (answer.status_code, answer.json()["code"]) == (400, "repeated-field")
        assert answer.json()["errors"][0]["pointer"] == "#/urls"

    def test_with_a_slash_behind_the_path(self, shared: RunningService) -> None:
        answer = post(shared, body_of(shared), "/v1/images/upload/")
        assert answer.status_code == 202
        assert shared.get(answer.headers["Location"] + "/").status_code == 200
        assert shared.get("/healthz/").status_code == 200
