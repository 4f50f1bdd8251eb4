"""A path with a slash at its end is the same route, whatever the method."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from service.openapi.routes import paths

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
ROUTES = [path for path in paths() if path != "/"]
GOOD = "https://example.com/a.jpg"


def filled(path: str, job_id: str) -> str:
    return path.replace("{jobId}", job_id).format(index="0", code="queue-full")


def seen(answer: Any) -> tuple[int, Any, Any]:
    code = answer.json["code"] if answer.status >= 400 and answer.result.content else None
    return answer.status, answer.headers.get("allow"), code


@pytest.mark.unmeasured
@pytest.mark.parametrize("settings", [{}, {"API_KEYS": "k"}], ids=["open", "keys"])
@pytest.mark.parametrize("path", ROUTES)
def test_every_route_and_method(
    make_api: Callable[..., Any], path: str, settings: dict[str, str]
) -> None:
    api = make_api(**settings)
    where = filled(path, str(uuid.uuid4()))
    for method in METHODS:
        assert seen(api.send(method, where + "/")) == seen(api.send(method, where)), method


def test_a_job_from_post_to_cancellation(api: Any) -> None:
    body = json.dumps({"urls": [GOOD]})
    headers = {"Content-Type": "application/json"}
    answer = api.send("POST", "/v1/images/upload/", body=body, headers=headers)
    assert answer.status == 202
    job = answer.headers["location"]
    assert api.get(job + "/").json == api.get(job).json
    assert api.send("DELETE", job + "/").status == 202


def test_the_admin_key_opens_it_too(make_api: Callable[..., Any]) -> None:
    api = make_api(API_KEYS="k", ADMIN_KEY="admin")
    headers = {"Authorization": "Bearer admin", "Content-Type": "application/json"}
    for path in ("/v1/workers", "/v1/workers/"):
        assert api.send("PUT", path, body='{"count": 3}', headers=headers).status == 200


@pytest.mark.parametrize("path", ["/docs/style.css/", "/openapi.json/"])
def test_what_is_open_stays_open(make_api: Callable[..., Any], path: str) -> None:
    assert make_api(API_KEYS="k").get(path).status == 200


def test_two_slashes_are_another_path(api: Any) -> None:
    assert api.get("/v1/images//").status == 404
