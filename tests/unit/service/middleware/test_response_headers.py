from collections.abc import Callable
from typing import Any

import falcon
import pytest
from falcon import testing

from service.http.refused_request import ENVIRON_KEY
from service.middleware.response_headers import ALWAYS, ResponseHeadersMiddleware
from service.problems.problems import Problem
from service.rendering.rendered import CACHING


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/v1/images"),
        ("GET", "/v1/images/upload/x"),
        ("GET", "/nowhere"),
        ("POST", "/v1/images/upload"),
        ("OPTIONS", "/v1/images"),
        ("PUT", "/v1/images"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"API_KEYS": "k"}, {"RATE_LIMIT": "1/hour"}])
def test_every_answer_carries_them(
    make_api: Callable[..., Any], method: str, path: str, settings: dict[str, str]
) -> None:
    api = make_api(**settings)
    for _ in range(2):
        answer = api.send(method, path)
        shows_links = (method, path, answer.status) == ("GET", "/v1/images", 200)
        expected = ALWAYS | ({"Cache-Control": CACHING} if shows_links else {})
        assert {name: answer.headers.get(name.lower()) for name in ALWAYS} == expected


def test_a_resource_may_have_a_policy_of_its_own() -> None:
    class Page:
        def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
            resp.set_header("Content-Security-Policy", "default-src 'self'")

    app = falcon.App(middleware=ResponseHeadersMiddleware(sandbox=False))
    app.add_route("/", Page())
    headers = testing.TestClient(app).simulate_get("/").headers
    assert headers["content-security-policy"] == "default-src 'self'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_refusal_by_the_server_has_what_that_of_a_resource_has(
    make_api: Callable[..., Any],
) -> None:
    """Without the headers of CORS a page would be told of no response at all."""
    origin = "https://app.example.com"
    given = {"Origin": origin, "Host": "127.0.0.1", "X-Request-ID": "one"}
    settings = {"CORS_ORIGINS": origin, "SANDBOX": "on"}
    expected = dict(make_api(**settings).get("/nowhere", headers=given).headers)
    api = make_api(API_KEYS="k", RATE_LIMIT="1/hour", **settings)
    refusal = Problem("request-timeout", "Late.", retry_after=5)
    for _ in range(2):
        answer = api.get("/nowhere", headers=given, extras={ENVIRON_KEY: refusal})
        headers = dict(answer.headers)
        assert (answer.status, answer.json["code"]) == (408, "request-timeout")
        assert headers.pop("retry-after") == "5"
        assert headers | {"content-length": ""} == expected | {"content-length": ""}
