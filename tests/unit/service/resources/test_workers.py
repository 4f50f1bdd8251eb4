"""How many workers there are, and who may have another number of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.rendering.models import Workers
from service.run import _backend_config
from service.settings.environment import load_settings
from workers import BackendState

ADMIN = {"X-API-Key": "key-of-the-admin"}
JSON = {"Content-Type": "application/json"}
KEYS = {"ADMIN_KEY": "key-of-the-admin", "API_KEYS": "alice:key-1"}


def put(api: Any, body: Any, headers: dict[str, str] | None = None) -> Any:
    sent = body if isinstance(body, str) else json.dumps(body)
    return api.send("PUT", "/v1/workers", body=sent, headers=JSON | (headers or ADMIN))


@pytest.fixture
def admin(make_api: Callable[..., Any]) -> Any:
    return make_api(ADMIN_KEY="key-of-the-admin")


def test_how_many_there_are(api: Any, backend: Any) -> None:
    backend.mailbox.claim("worker-1", 0)
    answer = api.get("/v1/workers")
    assert answer.status == 200
    assert answer.json == {
        "wanted": 2,
        "ready": 1,
        "leaving": 0,
        "most": 512,
        "automatic": False,
    }
    assert api.send("HEAD", "/v1/workers").headers["content-length"] == str(
        len(answer.result.content)
    )


def test_those_that_leave_are_told_apart(api: Any, backend: Any) -> None:
    backend.mailbox.claim("worker-1", 0)
    backend.mailbox.drain_worker("worker-1")
    answer = api.get("/v1/workers").json
    assert (answer["ready"], answer["leaving"]) == (0, 1)


@pytest.mark.parametrize(
    "headers", [ADMIN, {"Authorization": "Bearer key-of-the-admin"}], ids=["header", "bearer"]
)
@pytest.mark.parametrize("keys", ["", "alice:key-1"])
def test_another_number_holds_at_once(
    make_api: Callable[..., Any], backend: Any, headers: dict[str, str], keys: str
) -> None:
    api = make_api(ADMIN_KEY="key-of-the-admin", API_KEYS=keys)
    answer = put(api, {"count": 4}, headers)
    assert answer.status == 200
    TypeAdapter(Workers).validate_python(answer.json, strict=True, extra="forbid")
    assert answer.json["wanted"] == backend.wanted == 4
    assert api.get("/v1/workers", headers=headers).json["wanted"] == 4


@pytest.mark.parametrize("count", [1, 8])
def test_up_to_the_bound(make_api: Callable[..., Any], backend: Any, count: int) -> None:
    api = make_api(ADMIN_KEY="key-of-the-admin", WORKER_COUNT="1", WORKER_COUNT_MAX="8")
    answer = put(api, {"count": count})
    assert answer.status == 200
    assert (answer.json["most"], answer.json["automatic"]) == (8, True)
    assert backend.wanted == count


@pytest.mark.parametrize(
    ("settings", "most", "says"),
    [
        ({}, 512, "."),
        ({"WORKER_COUNT": "1", "WORKER_COUNT_MAX": "8"}, 8, "Raise WORKER_COUNT_MAX for more."),
    ],
    ids=["unbounded", "bounded"],
)
def test_beyond_it_is_refused(
    make_api: Callable[..., Any], backend: Any, settings: dict[str, str], most: int, says: str
) -> None:
    answer = put(make_api(ADMIN_KEY="key-of-the-admin", **settings), {"count": most + 1})
    assert (answer.status, answer.json["code"]) == (400, "invalid-worker-count")
    assert f"from 1 to {most}" in answer.json["detail"]
    assert answer.json["detail"].endswith(says)
    assert backend.wanted == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "invalid-json"),
        ("{", 400, "invalid-json"),
        ("4", 400, "not-an-object"),
        ({"count": 4, "urls": []}, 400, "unknown-field"),
        ({"workers": 4}, 400, "unknown-field"),
        ({}, 400, "invalid-worker-count"),
        ({"count": 0}, 400, "invalid-worker-count"),
        ({"count": -1}, 400, "invalid-worker-count"),
        ({"count": 10**30}, 400, "invalid-worker-count"),
        ({"count": 2.5}, 400, "invalid-worker-count"),
        ({"count": "4"}, 400, "invalid-worker-count"),
        ({"count": True}, 400, "invalid-worker-count"),
        ({"count": None}, 400, "invalid-worker-count"),
        ({"count": 4, " ": " " * 1024}, 413, "body-too-large"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_number_of_workers(
    admin: Any, backend: Any, body: Any, status: int, code: str
) -> None:
    answer = put(admin, body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["detail"].endswith(".")
    assert backend.wanted == 2


def test_it_says_what_to_send(admin: Any) -> None:
    assert '{"count": 4}' in put(admin, "").json["detail"]
    (error,) = put(admin, {"count": "4"}).json["errors"]
    assert error["pointer"] == "#/count"
    assert error["detail"].startswith("The field 'count' is a string; it must be a whole number")


def test_another_media_type(admin: Any, backend: Any) -> None:
    headers = ADMIN | {"Content-Type": "text/plain"}
    answer = admin.send("PUT", "/v1/workers", body='{"count": 4}', headers=headers)
    assert (answer.status, answer.json["code"]) == (415, "unsupported-media-type")
    assert answer.headers["accept"] == "application/json"
    assert backend.wanted == 2


@pytest.mark.parametrize(
    ("settings", "headers", "status", "code", "error"),
    [
        ({}, {}, 403, "admin-key-not-set", ""),
        ({}, ADMIN, 403, "admin-key-not-set", ""),
        ({"API_KEYS": "key-1"}, {"X-API-Key": "key-1"}, 403, "admin-key-not-set", ""),
        ({"API_KEYS": "key-1"}, {}, 401, "unauthorized", ""),
        ({"ADMIN_KEY": "key-2"}, {}, 401, "unauthorized", ""),
        ({"ADMIN_KEY": "key-2"}, ADMIN, 401, "unauthorized", "invalid_token"),
        (KEYS, {}, 401, "unauthorized", ""),
        (KEYS, {"X-API-Key": "key-3"}, 401, "unauthorized", "invalid_token"),
        (KEYS, {"X-API-Key": "key-1"}, 403, "admin-key-needed", "insufficient_scope"),
    ],
)
def test_nobody_else_may(
    make_api: Callable[..., Any],
    backend: Any,
    *,
    settings: dict[str, str],
    headers: dict[str, str],
    status: int,
    code: str,
    error: str,
) -> None:
    api = make_api(**settings)
    answer = api.send("PUT", "/v1/workers", body='{"count": 4}', headers=JSON | headers)
    assert (answer.status, answer.json["code"]) == (status, code)
    challenge = answer.headers.get("www-authenticate", "")
    assert ("error=" in challenge) is bool(error)
    assert error in challenge
    assert status != 401 or challenge.startswith("Bearer ")
    assert backend.wanted == 2


def test_the_admin_key_opens_nothing_else(make_api: Callable[..., Any]) -> None:
    api = make_api(**KEYS)
    assert api.get("/v1/workers", headers=ADMIN).status == 200
    for path in ("/v1/jobs", "/v1/images", "/metrics", "/v1/workers/more"):
        assert api.get(path, headers=ADMIN).status == 401
    assert api.get("/v1/workers").status == 401
    assert api.get("/v1/workers", headers={"X-API-Key": "key-1"}).status == 200


@pytest.mark.parametrize(
    ("state", "code"), [(BackendState.DRAINING, "draining"), (BackendState.LOST, "state-lost")]
)
def test_not_while_it_stops(admin: Any, backend: Any, state: BackendState, code: str) -> None:
    backend.state = state
    answer = put(admin, {"count": 4})
    assert (answer.status, answer.json["code"]) == (503, code)
    assert "retry-after" in answer.headers
    assert backend.wanted == 2
    assert admin.get("/v1/workers").status == (503 if state is BackendState.LOST else 200)


def test_other_methods_are_named(admin: Any) -> None:
    answer = admin.send("POST", "/v1/workers", headers=ADMIN)
    assert answer.status == 405
    assert {"GET", "HEAD", "PUT"} <= set(answer.headers["allow"].split(", "))


class TestDescription:
    def operation(self, make_api: Callable[..., Any], **settings: str) -> Any:
        document = make_api(**settings).get("/openapi.json", headers=ADMIN).json
        return document, document["paths"]["/v1/workers"]["put"]

    def test_it_names_the_bound(self, make_api: Callable[..., Any]) -> None:
        document, operation = self.operation(make_api, WORKER_COUNT="1", WORKER_COUNT_MAX="8")
        (body,) = operation["requestBody"]["content"].values()
        assert body["schema"] == {"$ref": "#/components/schemas/WorkersBody"}
        assert document["components"]["schemas"]["WorkersBody"]["properties"]["count"] == {
            "type": "integer",
            "minimum": 1,
            "maximum": 8,
            "description": "Workers there should be from now on.",
        }

    @pytest.mark.parametrize("settings", [{"ADMIN_KEY": "k"}, KEYS])
    def test_it_asks_for_the_admin_key(
        self, make_api: Callable[..., Any], settings: dict[str, str]
    ) -> None:
        document, operation = self.operation(make_api, **settings)
        assert operation["security"] == [{"adminBearer": []}, {"adminHeader": []}]
        assert {"adminBearer", "adminHeader"} <= set(document["components"]["securitySchemes"])
        assert {"401", "403", "415", "503"} <= set(operation["responses"])

    def test_without_one_nobody_may(self, make_api: Callable[..., Any]) -> None:
        document, operation = self.operation(make_api)
        assert "securitySchemes" not in document["components"]
        assert "401" not in operation["responses"]
        assert "403" in operation["responses"]

    def test_the_page_has_it(self, make_api: Callable[..., Any]) -> None:
        page = make_api().get("/docs").result.text
        assert 'id="scaleWorkers"' in page
        assert "ADMIN_KEY" in page


@pytest.mark.parametrize(
    ("settings", "share", "most"),
    [
        ({"WORKER_COUNT": "4"}, 64_000_000, None),
        ({"WORKER_COUNT": "1", "WORKER_COUNT_MAX": "8"}, 32_000_000, 8),
    ],
    ids=["unbounded", "bounded"],
)
def test_the_memory_of_images_is_for_all_that_there_may_be(
    settings: dict[str, str], share: int, most: int | None
) -> None:
    config = _backend_config(load_settings({"IMGUR_CLIENT_ID": "id"} | settings), None)
    assert config.worker.download.held_bytes == share
    assert (config.scaling.maximum, config.scaling.heeds_quota) == (most, True)
    assert not _backend_config(load_settings(settings), None).scaling.heeds_quota
