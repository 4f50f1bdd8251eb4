"""Errors of every origin, as the client sees them."""

from collections.abc import Callable
from typing import Any

import pytest

from workers import BackendLostError


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/v1/image", 404, "not-found"),
        ("DELETE", "/v1/images", 405, "method-not-allowed"),
        ("GET", "/v1/images/upload", 405, "method-not-allowed"),
        ("POST", "/v1/images/upload/x", 405, "method-not-allowed"),
        ("GET", "/v1/images/upload/x", 404, "job-not-found"),
        ("POST", "/v1/images/upload", 415, "unsupported-media-type"),
    ],
)
def test_every_error_has_the_same_shape(
    api: Any, method: str, path: str, status: int, code: str
) -> None:
    answer = api.send(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    problem = answer.json
    assert problem["type"] == f"/problems/{code}"
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["instance"] == path
    assert problem["title"]
    assert problem["detail"].endswith(".")


def test_a_wrong_method_is_told_the_right_ones(api: Any) -> None:
    answer = api.send("PUT", "/v1/images/upload")
    assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
    # Many clients show no headers.
    assert f"not take PUT, only {answer.headers['allow']}." in answer.json["detail"]


def test_the_instance_is_the_path_without_its_query(api: Any) -> None:
    answer = api.get("/no where/ü", query_string="token=hush")
    assert answer.json["instance"] == "/no%20where/%C3%BC"
    assert b"hush" not in answer.result.content


def test_an_unexpected_error_is_logged_and_gives_nothing_away(
    make_api: Callable[..., Any], backend: Any, logged: list[Any]
) -> None:
    backend.failure = RuntimeError("hush")
    answer = make_api().get("/v1/images")
    assert answer.status == 500
    assert answer.json["code"] == "internal-error"
    assert b"hush" not in answer.result.content
    unexpected = [entry for entry in logged if entry["event"] == "unexpected error"]
    assert unexpected[0]["exc_info"] is backend.failure
    assert unexpected[0]["log_level"] == "error"


def test_a_lost_backend_is_a_503_and_logged(
    make_api: Callable[..., Any], backend: Any, logged: list[Any]
) -> None:
    backend.failure = BackendLostError("The Manager process died.")
    answer = make_api().get("/v1/images")
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert any(entry.get("cause") == "The Manager process died." for entry in logged)


@pytest.mark.parametrize(("status_maker", "level"), [("404", "info"), ("503", "warning")])
def test_a_refusal_is_logged_by_whose_fault_it_is(
    make_api: Callable[..., Any], backend: Any, logged: list[Any], status_maker: str, level: str
) -> None:
    if status_maker == "503":
        backend.mailbox.close()
        make_api().post(["https://example.com/a.jpg"])
    else:
        make_api().get("/nowhere")
    (entry,) = [entry for entry in logged if entry["event"] != "request"]
    assert entry["event"] == "request refused"
    assert entry["log_level"] == level
