from typing import Any

import pytest
from structlog.testing import capture_logs

URL = "https://example.com/a.jpg"


def lines_of(api: Any, method: str, path: str, **more: Any) -> list[Any]:
    with capture_logs() as lines:
        api.send(method, path, **more)
    return [line for line in lines if line["event"] == "request"]


@pytest.mark.parametrize(
    ("method", "path", "status", "level"),
    [
        ("GET", "/healthz", 200, "debug"),
        ("HEAD", "/v1/images", 200, "debug"),
        ("GET", "/nowhere", 404, "info"),
        ("GET", "/v1/images?limit=x", 400, "info"),
        ("DELETE", "/v1/images", 405, "info"),
    ],
)
def test_one_line_a_request(api: Any, method: str, path: str, status: int, level: str) -> None:
    (line,) = lines_of(api, method, path)
    assert (line["method"], line["status"], line["log_level"]) == (method, status, level)
    assert line["ms"] >= 0


def test_what_it_says(api: Any) -> None:
    body = b'{"urls": ["https://example.com/a.jpg"]}'
    headers = {"Content-Type": "application/json", "User-Agent": "shop/1.0"}
    (line,) = lines_of(api, "POST", "/v1/images/upload", body=body, headers=headers)
    del line["ms"]
    assert line == {
        "event": "request",
        "log_level": "info",
        "method": "POST",
        "route": "/v1/images/upload",
        "path": "/v1/images/upload",
        "status": 202,
        "bytes": len('{"jobId":"55355b7c-9b86-4a1a-b32e-6cdd6db07183"}'),
        "client": "127.0.0.1",
        "owner": None,
        "user_agent": "shop/1.0",
    }


def test_a_poll_that_finds_nothing_new(api: Any) -> None:
    path = f"/v1/images/upload/{api.job(URL)}"
    tag = api.get(path).headers["etag"]
    (line,) = lines_of(api, "GET", path, headers={"If-None-Match": tag})
    assert (line["status"], line["bytes"], line["log_level"]) == (304, 0, "debug")
    assert line["route"] == "/v1/images/upload/{job_id}"


def test_who_asked(make_api: Any) -> None:
    (line,) = lines_of(
        make_api(API_KEYS="alice:key-1"), "GET", "/v1/images", headers={"X-API-Key": "key-1"}
    )
    assert line["owner"] == "alice"


def test_no_secret_is_in_it(make_api: Any) -> None:
    api = make_api(API_KEYS="alice:key-1")
    with capture_logs() as lines:
        for headers in ({"X-API-Key": "key-1"}, {"Authorization": "Bearer key-2"}, {}):
            api.get("/v1/images?token=s3cret", headers=headers | {"Cookie": "s3cret"})
    assert len([line for line in lines if line["event"] == "request"]) == 3
    assert not [secret for secret in ("s3cret", "key-1", "key-2") if secret in repr(lines)]


def test_what_clients_write_is_shown_with_care(api: Any) -> None:
    headers = {"User-Agent": "evil\x1b[2J" + "x" * 500}
    (line,) = lines_of(api, "GET", "/%0a%1b[2J", headers=headers)
    assert line["path"] == "/%0A%1B[2J"
    assert line["route"] is None
    assert line["user_agent"].startswith("evil?[2Jxx")
    assert len(line["user_agent"]) == 121


def test_off(make_api: Any) -> None:
    assert lines_of(make_api(ACCESS_LOG="off"), "GET", "/nowhere") == []
