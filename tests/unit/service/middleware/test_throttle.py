import re
from collections.abc import Callable
from typing import Any

import pytest

URL = "https://example.com/a.jpg"
KEYS = {"API_KEYS": "alice:k-1, bob:k-2", "RATE_LIMIT": "2/hour"}


@pytest.fixture
def limited(make_api: Callable[..., Any]) -> Any:
    return make_api(RATE_LIMIT="3/minute", RATE_LIMIT_BURST="2")


def from_address(address: str) -> dict[str, Any]:
    return {"extras": {"REMOTE_ADDR": address}}


def test_answers_say_how_one_stands(limited: Any) -> None:
    answer = limited.get("/v1/images")
    assert answer.status == 200
    assert answer.headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert answer.headers["ratelimit"] == '"default";r=1;t=20'


def test_too_many_are_refused_and_told_when_to_come_back(limited: Any, backend: Any) -> None:
    assert limited.post([URL]).status == 202
    assert limited.get("/v1/images").status == 200
    calls = backend.calls
    answer = limited.post([URL])
    assert answer.status == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == "rate-limited"
    assert "faster than the limit of 3/minute" in answer.json["detail"]  # after two of a burst
    assert answer.headers["retry-after"] == "20"
    assert answer.headers["ratelimit"] == '"default";r=0;t=40'
    assert answer.headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert backend.calls == calls
    assert backend.open_urls == 1


@pytest.mark.parametrize(("path", "status"), [("/v1/images/upload/x", 404), ("/v1/nowhere", 404)])
def test_refusals_count_and_say_so_too(limited: Any, path: str, status: int) -> None:
    assert limited.get(path).status == status
    assert limited.get(path).headers["ratelimit"].startswith('"default";r=0;')
    assert limited.get(path).status == 429


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/metrics", "/nowhere"])
def test_pages_count_too(limited: Any, path: str) -> None:
    assert [limited.get(path).status == 429 for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_not_counted(limited: Any, path: str) -> None:
    for _ in range(5):
        answer = limited.get(path)
        assert answer.status == 200
        assert "ratelimit" not in answer.headers
    assert limited.get("/v1/images").status == 200


def test_the_files_of_the_page_are_not_counted(limited: Any) -> None:
    """A browser requests all of them at once, and would show nothing if one were refused."""
    page = limited.get("/", headers={"Accept": "text/html"})
    files = re.findall('"(/page/[^"]+)"', page.result.text)
    assert len(files) > 20
    assert {limited.get(file).status for file in files} == {200}


def test_addresses_are_told_apart(limited: Any) -> None:
    for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        statuses = [limited.get("/v1/images", **from_address(address)).status for _ in range(3)]
        assert statuses == [200, 200, 429]
    assert limited.get("/v1/images", **from_address("2001:db8::2")).status == 429


def test_a_client_cannot_write_itself_an_address(limited: Any) -> None:
    statuses = [
        limited.get("/v1/images", headers={"X-Forwarded-For": f"192.0.2.{number}"}).status
        for number in range(3)
    ]
    assert statuses == [200, 200, 429]


def test_behind_a_proxy_clients_are_told_apart(make_api: Callable[..., Any]) -> None:
    api = make_api(RATE_LIMIT="1/hour", TRUSTED_PROXIES="127.0.0.0/8")
    for client, status in [("192.0.2.1", 200), ("192.0.2.2", 200), ("192.0.2.1", 429)]:
        headers = {"X-Forwarded-For": f"198.51.100.77, {client}"}
        assert api.get("/v1/images", headers=headers).status == status


def test_keys_have_buckets_of_their_own(make_api: Callable[..., Any]) -> None:
    api = make_api(**KEYS)
    for key in ("k-1", "k-2"):
        statuses = [api.get("/v1/images", headers={"X-API-Key": key}).status for _ in range(3)]
        assert statuses == [200, 200, 429]


def test_a_key_is_one_client_wherever_it_comes_from(make_api: Callable[..., Any]) -> None:
    api = make_api(**KEYS)
    statuses = [
        api.get("/v1/images", headers={"X-API-Key": "k-1"}, **from_address(f"192.0.2.{n}")).status
        for n in range(3)
    ]
    assert statuses == [200, 200, 429]


def test_who_guesses_keys_is_slowed_down_and_hinders_nobody(make_api: Callable[..., Any]) -> None:
    api = make_api(**KEYS)
    statuses = [api.get("/v1/images", headers={"X-API-Key": f"{n}"}).status for n in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert api.get("/v1/images", headers={"X-API-Key": "k-1"}).status == 200


def test_without_the_setting_nothing_is_counted(api: Any) -> None:
    for _ in range(200):
        answer = api.get("/v1/images")
    assert answer.status == 200
    assert "ratelimit" not in answer.headers
    assert "ratelimit-policy" not in answer.headers
