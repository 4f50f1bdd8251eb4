from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def locked(make_api: Callable[..., Any]) -> Any:
    return make_api(API_KEYS="key-1, key-2")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer key-1"},
        {"Authorization": "bearer  key-2"},
        {"X-API-Key": "key-2"},
        {"Authorization": "Basic eDp5", "X-API-Key": "key-1"},
    ],
)
def test_a_key_opens(locked: Any, headers: dict[str, str]) -> None:
    assert locked.get("/v1/images", headers=headers).status == 200


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, 'Bearer realm="imgup"'),
        ({"Authorization": "Basic eDp5"}, 'Bearer realm="imgup"'),
        ({"Authorization": "Bearer"}, 'Bearer realm="imgup"'),
        ({"X-API-Key": ""}, 'Bearer realm="imgup"'),
        ({"X-API-Key": "key"}, 'Bearer realm="imgup", error="invalid_token"'),
        ({"X-API-Key": "key-1, key-2"}, 'Bearer realm="imgup", error="invalid_token"'),
        ({"Authorization": "Bearer key-3"}, 'Bearer realm="imgup", error="invalid_token"'),
        ({"Authorization": "Bearer k\xfcy"}, 'Bearer realm="imgup", error="invalid_token"'),
    ],
)
@pytest.mark.parametrize("path", ["/", "/v1/images", "/v1/images/upload/x", "/nowhere"])
def test_anything_else_does_not(
    locked: Any, headers: dict[str, str], challenge: str, path: str
) -> None:
    answer = locked.get(path, headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == challenge
    assert answer.json["code"] == "unauthorized"


def test_nothing_is_taken_without_a_key(locked: Any, board: Any) -> None:
    assert locked.post(["https://example.com/a.jpg"]).status == 401
    assert board.open_urls == 0


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_stays_open(locked: Any, path: str) -> None:
    assert locked.get(path).status == 200


def test_without_keys_the_service_is_open(api: Any) -> None:
    assert api.get("/v1/images").status == 200
