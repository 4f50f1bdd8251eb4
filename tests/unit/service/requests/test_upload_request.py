"""What a request's body may be, rule by rule, seen from the client's side."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

GOOD = "https://example.com/a.jpg"
BODY = json.dumps({"urls": [GOOD]})


@pytest.mark.parametrize(
    ("body", "code", "tells"),
    [
        ("", "invalid-json", "empty"),
        ("  \r\n", "invalid-json", "empty"),
        ("urls", "invalid-json", "line 1, column 1"),
        ('{"urls": [}', "invalid-json", "line 1, column 11"),
        ('{"urls":\n ["https://example.com/a.jpg",]}', "invalid-json", "line 2"),
        ('{"urls": ["a"]} trailing', "invalid-json", "line 1, column 17"),
        ("urls=a", "invalid-json", "line 1, column 1"),
        ('{"urls": [NaN]}', "invalid-json", "number"),
        ('{"urls": [-Infinity]}', "invalid-json", "number"),
        ('{"urls": [' + "1" * 5000 + "]}", "invalid-json", "number"),
        ("[" * 100_000, "invalid-json", "nested"),
        ('{"urls":' * 50_000, "invalid-json", "nested"),
        (b'{"urls": ["\xff"]}', "invalid-utf8", "byte 11"),
        (BODY.encode("utf-16"), "invalid-utf8", "byte 0"),
        ("[]", "not-an-object", "an array"),
        (f'"{GOOD}"', "not-an-object", "a string"),
        ("null", "not-an-object", "null"),
        ("3", "not-an-object", "a number"),
        ("true", "not-an-object", "true"),
        ("{}", "urls-missing", "'urls'"),
        ('{"url": ["a"]}', "unknown-field", "'url'. Known: album, callbackUrl, "),
        ('{"urls": ["a"], "y": 1, "x": 2}', "unknown-field", "'y', 'x'"),
        ('{"urls": null}', "urls-not-an-array", "null"),
        (f'{{"urls": "{GOOD}"}}', "urls-not-an-array", "a string"),
        ('{"urls": {"0": "a"}}', "urls-not-an-array", "an object"),
        ('{"urls": []}', "urls-empty", "at least one"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_body_that_is_no_job(
    api: Any, backend: Any, body: str | bytes, code: str, tells: str
) -> None:
    answer = api.post_body(body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == code
    assert tells in answer.json["detail"]
    assert backend.calls == 0


def test_the_place_of_a_json_error_is_told_in_numbers_too(api: Any) -> None:
    answer = api.post_body('{"urls":\n [}')
    assert (answer.json["line"], answer.json["column"]) == (2, 3)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [("[]", "#"), ("{}", "#/urls"), ('{"urls": 1}', "#/urls"), ('{"a": 1}', "#")],
)
def test_a_problem_points_at_the_field(api: Any, body: str, pointer: str) -> None:
    problem = api.post_body(body).json
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert problem["errors"][0]["code"] == problem["code"]


def test_many_unknown_fields_are_not_all_repeated(api: Any) -> None:
    body = json.dumps({f"field-{number}-{'x' * 1000}": 1 for number in range(100)})
    detail = api.post_body(body).json["detail"]
    assert "95 more" in detail
    assert len(detail) < 1000


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        "\ufeff" + BODY,
        f" \n{BODY}\n",
        BODY.replace("/", "\\/"),
    ],
    ids=["plain", "byte order mark", "white space", "escapes"],
)
def test_a_body_that_is_a_job(api: Any, body: str) -> None:
    job_id = api.post_body(body).json["jobId"]
    assert api.status(job_id)["uploaded"]["pending"] == [GOOD]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (f'{{"urls": ["{GOOD}"], "urls": ["{GOOD}"]}}', ["#/urls"]),
        (f'{{"urls": ["{GOOD}"], "title": "a", "title": "a", "urls": []}}', ["#/urls", "#/title"]),
        (f'{{"urls": ["{GOOD}"], "url\\u0073": ["{GOOD}"]}}', ["#/urls"]),
        ('{"x": 1, "x": 2, "x": 3}', ["#/x"]),
        ('{"a/b": 1, "a/b": 2, "\\ud83d": 1, "\\ud83d": 2}', ["#/a~1b", "#/%3F"]),
        (
            '{"sourceHeaders": {"https://a.example": {}, "https://a.example": {}}}',
            ["#/sourceHeaders/https:~1~1a.example"],
        ),
        (
            '{"sourceHeaders": {"https://a.example": {"X-A": "1", "X-B": "1", "X-A": "2"}}}',
            ["#/sourceHeaders/https:~1~1a.example/X-A"],
        ),
    ],
    ids=["urls", "two", "escaped", "unknown", "odd names", "origin", "header"],
)
def test_a_name_that_stands_twice_is_refused_and_pointed_at(
    api: Any, backend: Any, body: str, pointers: list[str]
) -> None:
    answer = api.post_body(body)
    assert (answer.status, answer.json["code"]) == (400, "repeated-field")
    assert [error["pointer"] for error in answer.json["errors"]] == pointers
    assert {error["code"] for error in answer.json["errors"]} == {"repeated-field"}
    assert pointers[0] in answer.json["detail"]
    assert backend.calls == 0


def test_many_repeated_names_are_not_all_repeated(api: Any) -> None:
    names = [f'"{number}": 1' for number in range(5000)]
    answer = api.post_body("{" + ", ".join(names + names) + "}")
    assert len(answer.json["errors"]) == 100
    assert answer.json["detail"].endswith("#/4 and more. Send each of them once.")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=US-ASCII",
        "Application/JSON",
    ],
)
def test_content_types_taken(api: Any, content_type: str) -> None:
    assert api.post_body(BODY, headers={"Content-Type": content_type}).status == 202


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/vnd.example+json",
        "application/json; charset=latin-1",
        "application",
        "application/json, text/plain",
        'application/json; long="' + 2000 * ";",
    ],
)
def test_content_types_refused(api: Any, backend: Any, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = api.send("POST", "/v1/images/upload", body=BODY, headers=headers)
    assert answer.status == 415
    assert answer.json["code"] == "unsupported-media-type"
    assert "Content-Type: application/json" in answer.json["detail"]
    assert answer.headers["accept-post"] == "application/json"
    assert backend.calls == 0


class TestBodyLength:
    LIMIT = 2048

    @pytest.fixture
    def small(self, make_api: Callable[..., Any]) -> Any:
        return make_api(MAX_BODY_BYTES=str(self.LIMIT))

    def padded(self, length: int) -> str:
        return BODY + " " * (length - len(BODY))

    def test_up_to_the_limit(self, small: Any) -> None:
        assert small.post_body(self.padded(self.LIMIT)).status == 202

    def test_beyond_it_by_its_declared_length(self, small: Any, backend: Any) -> None:
        answer = small.post_body(self.padded(self.LIMIT + 1))
        assert answer.status == 413
        assert answer.json["code"] == "body-too-large"
        assert "2048 bytes" in answer.json["detail"]
        assert backend.calls == 0

    @pytest.mark.parametrize(("excess", "status"), [(0, 202), (1, 413)])
    def test_by_what_comes_when_nothing_is_declared(
        self, small: Any, excess: int, status: int
    ) -> None:
        body = self.padded(self.LIMIT + excess).encode()
        extras = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
        headers = {"Content-Type": "application/json"}
        answer = small.send("POST", "/v1/images/upload", headers=headers, extras=extras)
        assert answer.status == status

    def test_a_declared_length_is_refused_unread(self, small: Any) -> None:
        class Unreadable(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                raise AssertionError("the body was read")

        answer = small.send(
            "POST",
            "/v1/images/upload",
            headers={"Content-Type": "application/json", "Content-Length": "10000000000"},
            extras={"wsgi.input": Unreadable()},
        )
        assert answer.status == 413


class TestEntries:
    @pytest.mark.parametrize(
        ("entry", "code", "value"),
        [
            (None, "not-a-string", "null"),
            (7, "not-a-string", "7"),
            (0.5, "not-a-string", "0.5"),
            (True, "not-a-string", "true"),
            ([GOOD], "not-a-string", "an array"),
            ({"url": GOOD}, "not-a-string", "an object"),
            ("", "url-invalid", ""),
            ("cat.jpg", "url-scheme", "cat.jpg"),
            ("//example.com/a.jpg", "url-scheme", "//example.com/a.jpg"),
            ("ftp://example.com/a.jpg", "url-scheme", "ftp://example.com/a.jpg"),
            ("file:///etc/passwd", "url-scheme", None),
            ("javascript:alert(1)", "url-scheme", None),
            ("data:image/png;base64,A", "url-invalid", "data:image/png;base64,…"),
            ("http://", "url-invalid", None),
            ("http:////a.jpg", "url-invalid", None),
            ("https://example.com:0/a.jpg", "url-invalid", None),
            ("https://exa mple.com/a.jpg", "url-invalid", None),
            ("https://example.com\\a.jpg", "url-invalid", None),
            ("https://example.com/" + "ü" * 8000, "url-too-long", None),
            ("https://[::1/a.jpg", "url-invalid", None),
            ("https://example.com/\ud83d.jpg", "url-invalid", None),
            ("https://example.com/" + "a" * 8192, "url-too-long", None),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_one_bad_entry_refuses_the_job(
        self, api: Any, backend: Any, entry: Any, code: str, value: str | None
    ) -> None:
        answer = api.post([GOOD, entry])
        assert answer.status == 400
        problem = answer.json
        assert problem["code"] == "invalid-urls"
        assert problem["errors_total"] == 1
        (error,) = problem["errors"]
        assert error["index"] == 1
        assert error["pointer"] == "#/urls/1"
        assert error["code"] == code
        assert error["detail"].endswith(".")
        assert len(error["value"]) <= 101
        assert value is None or error["value"] == value
        assert backend.calls == 0

    def test_credentials_are_neither_taken_nor_repeated(self, api: Any) -> None:
        answer = api.post(["https://user:hush@example.com/a.jpg", "ftp://user:hush@example.com/"])
        assert answer.status == 400
        assert answer.json["errors"][0]["code"] == "url-credentials"
        assert b"hush" not in answer.result.content

    def test_a_long_password_is_not_cut_into_view(self, api: Any) -> None:
        answer = api.post([f"https://user:{'hush' * 100}@example.com/a.jpg"])
        assert answer.status == 400
        assert b"hush" not in answer.result.content

    def test_all_bad_entries_are_listed_at_once(self, api: Any, backend: Any) -> None:
        answer = api.post(["cat", GOOD, 5, GOOD, "cat", "https://exam ple.com/"])
        problem = answer.json
        assert [error["index"] for error in problem["errors"]] == [0, 2, 4, 5]
        assert problem["errors_total"] == 4
        assert problem["detail"].startswith("4 of 6 entries")
        assert backend.open_urls == 0

    def test_the_list_is_capped_and_the_count_is_not(self, api: Any) -> None:
        problem = api.post(["cat"] * 5000).json
        assert len(problem["errors"]) == 1000
        assert problem["errors_total"] == 5000
        assert "first 1000" in problem["detail"]

    @pytest.mark.parametrize(("count", "status"), [(3, 202), (4, 400)])
    def test_the_number_of_entries(
        self, make_api: Callable[..., Any], count: int, status: int
    ) -> None:
        urls = [f"https://example.com/{number}" for number in range(count)]
        answer = make_api(MAX_URLS_PER_JOB="3").post(urls)
        assert answer.status == status
        if status == 400:
            assert answer.json["code"] == "too-many-urls"
            assert answer.json["errors"][0]["pointer"] == "#/urls"
            assert "4 entries and at most 3" in answer.json["detail"]

    @pytest.mark.parametrize("entry", ['"a":1', "1", '"a"'], ids=["names", "numbers", "strings"])
    def test_far_more_are_refused_before_they_are_parsed(
        self, make_api: Callable[..., Any], entry: str
    ) -> None:
        answer = make_api(MAX_URLS_PER_JOB="3").post_body(f"{{{','.join([entry] * 10_000)},")
        assert (answer.status, answer.json["code"]) == (400, "too-many-urls")

    def test_duplicates_count_as_sent(self, make_api: Callable[..., Any]) -> None:
        answer = make_api(MAX_URLS_PER_JOB="3").post([GOOD] * 4)
        assert answer.json["code"] == "too-many-urls"

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com",
            "HTTPS://EXAMPLE.COM/A.JPG",
            "https://example.com:8443/a.jpg?b=c&d=%20#e",
            "https://[2001:db8::1]/a.jpg",
            "https://example.com/ü.jpg",
            "https://bücher.example/a.jpg",
            "https://😀.example/a.jpg",
            " https://example.com/a b.jpg\n",
            "https://example.com/50%.jpg",
            "https://example.com:/a\\b.jpg",
            "https://example.com/" + "a" * 8172,
        ],
        ids=lambda url: url[:40],
    )
    def test_good_entries(self, api: Any, url: str) -> None:
        assert api.status(api.job(url))["uploaded"]["pending"] == [url]


def test_a_refused_request_is_logged_with_its_code(
    make_api: Callable[..., Any], logged: list[Any]
) -> None:
    make_api().post(["cat"])
    (entry,) = [entry for entry in logged if entry["event"] != "request"]
    assert entry["event"] == "request refused"
    assert entry["log_level"] == "info"
    assert (entry["code"], entry["status"]) == ("invalid-urls", 400)
    assert entry["client"] == "127.0.0.1"
