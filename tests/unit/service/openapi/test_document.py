"""The document says what the service does: each answer is held against it."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.middleware.api_keys import HEALTH_PATHS
from service.openapi.document import describe
from service.problems.problems import ProblemBody
from service.rendering.forecast_models import Liveness, Readiness
from service.rendering.models import (
    CancellationAccepted,
    ImageLinks,
    ImageLinksPage,
    Index,
    JobAnswer,
    JobList,
    JobPage,
    RetryAccepted,
    UploadAccepted,
)
from service.settings.environment import load_settings

URLS = [f"https://example.com/{number}.jpg" for number in range(4)]
OPEN = {"/", "/healthz", "/readyz", "/docs", "/openapi.json", "/problems/{code}"}
LOCKED = {"API_KEYS": "alice:key-1", "RATE_LIMIT": "60/minute"}


@pytest.fixture
def document(api: Any) -> Any:
    return api.get("/openapi.json").json


def shapes_of(document: Any, path: str, method: str, status: int) -> tuple[str, list[str]]:
    answer = document["paths"][path][method]["responses"][str(status)]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    media_type, content = next(iter(answer["content"].items()))
    choice = content["schema"].get("anyOf", [content["schema"]])
    return media_type, [shape.get("$ref", "").rpartition("/")[2] for shape in choice]


SHAPES = {
    shape.__name__: TypeAdapter(shape)
    for shape in (
        CancellationAccepted,
        ImageLinks,
        ImageLinksPage,
        Index,
        JobAnswer,
        JobList,
        JobPage,
        Liveness,
        ProblemBody,
        Readiness,
        RetryAccepted,
        UploadAccepted,
    )
}


def check(
    document: Any, path: str, answer: Any, method: str = "get", *, paged: bool = False
) -> None:
    media_type, shapes = shapes_of(document, path, method, answer.status)
    assert answer.headers["content-type"] == media_type
    # Where there are two, the second one is the page.
    SHAPES[shapes[paged]].validate_python(answer.json, strict=True, extra="forbid")


def test_it_is_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "imgup"


def test_references_lead_somewhere(make_api: Callable[..., Any]) -> None:
    for settings in ({}, LOCKED):
        document = describe(load_settings({"IMGUR_CLIENT_ID": "id"} | settings))
        pending = [document]
        while pending:
            piece = pending.pop()
            if isinstance(piece, dict):
                pending.extend(piece.values())
                if "$ref" in piece:
                    target: Any = document
                    for step in piece["$ref"].removeprefix("#/").split("/"):
                        target = target[step]
            elif isinstance(piece, list):
                pending.extend(piece)


def test_every_choice_has_a_type(document: Any) -> None:
    """Generators for typed languages make no enumeration without it."""
    pending, count = [document], 0
    while pending:
        piece = pending.pop()
        pending.extend(piece.values() if isinstance(piece, dict) else piece)
        pending = [one for one in pending if isinstance(one, dict | list)]
        if isinstance(piece, dict) and "enum" in piece:
            assert piece["type"] == "string"
            count += 1
    assert count > 10


def test_it_names_the_routes_of_the_index(api: Any, document: Any) -> None:
    described = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == set(api.get("/").json["routes"]) | {"GET /"}


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/v1/images"])
def test_answers_have_the_shape_described(api: Any, document: Any, path: str) -> None:
    check(document, path, api.get(path))


def test_a_job_in_every_state_has_the_shape_described(
    make_api: Callable[..., Any], backend: Any
) -> None:
    for settings in ({}, {"SANDBOX": "on"}):
        api = make_api(**settings)
        document = api.get("/openapi.json").json
        accepted = api.post(URLS)
        check(document, "/v1/images/upload", accepted, "post")
        path = accepted.headers["location"]
        check(document, "/v1/images/upload/{jobId}", api.get(path))
        backend.upload("https://i.imgur.com/a.jpg")
        backend.fail("empty", "Nothing came.")
        backend.put_off("source-error", "It answered 500.")
        check(document, "/v1/images/upload/{jobId}", api.get(path))
        backend.fail("empty", "Nothing came.")
        check(document, "/v1/images", api.get("/v1/images"))
        for whole, template in (
            (path, "/v1/images/upload/{jobId}"),
            ("/v1/images", "/v1/images"),
        ):
            check(document, template, api.get(whole + "?limit=1"), paged=True)
            refused = api.get(whole + "?limit=0")
            assert refused.status == 400
            check(document, template, refused)


def test_what_the_server_refuses_by_itself_is_described_everywhere(document: Any) -> None:
    for item in document["paths"].values():
        for method in item.keys() - {"parameters"}:
            assert item[method]["responses"].keys() >= {"408", "413", "431", "501", "503"}


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/problems/{code}", "/v1/images"])
def test_conditional_responses_are_described(api: Any, document: Any, path: str) -> None:
    operation = document["paths"][path]["get"]
    assert "If-None-Match" in {entry["name"] for entry in operation["parameters"]}
    answer = api.get(path.format(code="draining"), headers={"If-None-Match": "*"})
    assert answer.status == 304
    assert operation["responses"]["304"]["headers"].keys() == {"ETag"}
    assert "etag" in answer.headers


@pytest.mark.parametrize("path", ["/v1/images/upload/{jobId}", "/v1/images"])
def test_clients_that_send_defaults_get_the_whole(api: Any, document: Any, path: str) -> None:
    """As many generated ones do (PHP, Kotlin); without `limit` and `cursor` there is no page."""
    path_of_one = path.format(jobId=api.job(*URLS))
    defaults = {
        entry["name"]: entry["schema"]["default"]
        for entry in document["paths"][path]["get"]["parameters"]
        if entry["in"] == "query" and "default" in entry["schema"]
    }
    assert "uploaded" in api.get(path_of_one, params=defaults).json
    assert "next" not in api.get(path_of_one, params=defaults).json


def test_a_list_names_what_it_takes(document: Any) -> None:
    for path in ("/v1/images", "/v1/images/upload/{jobId}"):
        operation = document["paths"][path]["get"]
        names = {(entry["in"], entry["name"]) for entry in operation["parameters"]}
        of_lists = {("query", "limit"), ("query", "cursor"), ("header", "If-None-Match")}
        of_jobs = {("query", "timeline"), ("header", "Prefer")} if "jobId" in path else set()
        assert names == of_lists | of_jobs
        assert "content" not in operation["responses"]["304"]
        assert all("ETag" in operation["responses"][status]["headers"] for status in ("200", "304"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b'{"urls": ["ftp://a/", 1, null]}', 400),
        (b'{"urls": ["' + b"x" * 5000 + b'"]}', 413),
    ],
)
def test_refusals_have_the_shape_described(
    make_api: Callable[..., Any], document: Any, body: bytes, status: int
) -> None:
    answer = make_api(MAX_BODY_BYTES="4096").post_body(body)
    assert answer.status == status
    check(document, "/v1/images/upload", answer, "post")


def test_limits_are_those_that_apply(make_api: Callable[..., Any]) -> None:
    document = make_api(MAX_URLS_PER_JOB="17").get("/openapi.json").json
    urls = document["components"]["schemas"]["UploadBody"]["properties"]["urls"]
    assert urls["maxItems"] == 17


def test_keys_and_rate_limits_are_described_where_they_apply(
    make_api: Callable[..., Any], document: Any
) -> None:
    assert "security" not in document
    assert not {"401", "429"} & {
        status
        for item in document["paths"].values()
        for method in item.keys() - {"parameters"}
        for status in item[method]["responses"]
    }
    locked = make_api(**LOCKED).get("/openapi.json", headers={"X-API-Key": "key-1"}).json
    assert locked["security"] == [{"bearer": []}, {"header": []}]
    for path, item in locked["paths"].items():
        for method in item.keys() - {"parameters"}:
            is_open = path in OPEN
            assert ("401" in item[method]["responses"]) is not is_open
            assert (item[method].get("security") == []) is is_open
            assert ("429" in item[method]["responses"]) is (path not in HEALTH_PATHS)


def test_unauthorized_and_limited_answers_have_the_shape_described(
    make_api: Callable[..., Any],
) -> None:
    api = make_api(API_KEYS="key-1", RATE_LIMIT="1/hour")
    document = api.get("/openapi.json", headers={"X-API-Key": "key-1"}).json
    for status in (401, 429):
        answer = api.get("/v1/images")
        assert answer.status == status
        check(document, "/v1/images", answer)
        refusal = document["components"]["responses"][f"Refusal{status}"]
        assert all(name.lower() in answer.headers for name in refusal["headers"])


def test_keys_stay_out_of_it(make_api: Callable[..., Any]) -> None:
    answer = make_api(**LOCKED).get("/openapi.json", headers={"X-API-Key": "key-1"})
    assert b"key-1" not in answer.result.content
    assert b"alice" not in answer.result.content
