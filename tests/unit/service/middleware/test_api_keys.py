import uuid
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
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/images", "/v1/images/upload/x", "/nowhere"])
def test_anything_else_does_not(
    locked: Any, headers: dict[str, str], challenge: str, path: str
) -> None:
    answer = locked.get(path, headers=headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == challenge
    assert answer.json["code"] == "unauthorized"


def test_nothing_is_taken_without_a_key(locked: Any, backend: Any) -> None:
    assert locked.post(["https://example.com/a.jpg"]).status == 401
    assert backend.open_urls == 0


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_stays_open(locked: Any, path: str) -> None:
    assert locked.get(path).status == 200


def test_without_keys_the_service_is_open(api: Any) -> None:
    assert api.get("/v1/images").status == 200


URLS = ["https://example.com/1.jpg", "https://example.com/2.jpg"]
LINKS = ["https://i.imgur.com/1.jpg", "https://i.imgur.com/2.jpg"]


class TestOwners:
    @pytest.fixture
    def api(self, make_api: Callable[..., Any]) -> Any:
        return make_api(API_KEYS="alice:key-a, alice-too:key-b, key-c")

    @pytest.mark.parametrize("stranger", ["key-b", "key-c"])
    def test_a_job_is_shown_to_its_owner_only(self, api: Any, stranger: str) -> None:
        job_id = api.job(URLS[0], headers={"X-API-Key": "key-a"})
        path = f"/v1/images/upload/{job_id}"
        assert api.get(path, headers={"X-API-Key": "key-a"}).status == 200
        refused = api.get(path, headers={"X-API-Key": stranger})
        unknown = api.get(f"/v1/images/upload/{uuid.uuid4()}", headers={"X-API-Key": stranger})
        # Nothing tells a job of somebody else from one that never was.
        assert refused.status == unknown.status == 404
        assert refused.json | {"instance": ""} == unknown.json | {"instance": ""}
        assert set(refused.headers) == set(unknown.headers)

    def test_links_are_shown_to_their_owner_only(self, api: Any, backend: Any) -> None:
        for key, url, link in zip(["key-a", "key-c"], URLS, LINKS, strict=True):
            api.job(url, headers={"Authorization": f"Bearer {key}"})
            backend.upload(link)
        for key, links in [("key-a", LINKS[:1]), ("key-b", []), ("key-c", LINKS[1:])]:
            answer = api.get("/v1/images", headers={"X-API-Key": key})
            assert answer.json == {"uploaded": links}

    def test_the_name_counts_and_not_the_key(self, make_api: Callable[..., Any]) -> None:
        """So that a key can be replaced."""
        job_id = make_api(API_KEYS="alice:old").job(URLS[0], headers={"X-API-Key": "old"})
        renewed = make_api(API_KEYS="alice:new")
        path = f"/v1/images/upload/{job_id}"
        assert renewed.get(path, headers={"X-API-Key": "new"}).status == 200


def test_without_keys_all_is_everybodys(api: Any, backend: Any) -> None:
    job_id = api.job(URLS[0], headers={"X-API-Key": "whatever"})
    backend.upload(LINKS[0])
    assert api.status(job_id)["status"] == "complete"
    assert api.get("/v1/images").json == {"uploaded": LINKS[:1]}
