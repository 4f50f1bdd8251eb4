"""What a job may ask for beside its URLs, rule by rule, seen from the client's side."""

import json
from typing import Any

import pytest

from service.requests.upload_options import (
    LONGEST_CALLBACK,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    MAX_HEADERS,
    MAX_ORIGINS,
    REFUSED_HEADERS,
)
from workers import NO_OPTIONS, JobOptions, NewAlbum, Priority, flush_logs

GOOD = "https://example.com/a.jpg"
ORIGIN = "https://example.com"


def post(api: Any, **fields: Any) -> Any:
    return api.post_body(json.dumps({"urls": [GOOD], **fields}))


def faults(answer: Any) -> list[tuple[str, str]]:
    assert (answer.status, answer.json["code"]) == (422, "invalid-options"), answer.json
    assert answer.json["errors_total"] == len(answer.json["errors"])
    return [(error["pointer"], error["code"]) for error in answer.json["errors"]]


def options_of(backend: Any, job_id: str) -> JobOptions:
    options: JobOptions = backend.table.by_id[job_id].asked.options
    return options


def test_all_that_can_be_asked_for(make_api: Any, backend: Any) -> None:
    answer = post(
        make_api(WEBHOOK_SECRET="whsec_" + "A" * 43 + "="),
        album="aB12",
        title="{number} of {count}",
        description="{name}\r\nfrom {host} {{}}",
        priority="high",
        sourceHeaders={"HTTPS://Example.com:443/": {"Authorization": "Bearer x", "Cookie": "a=b"}},
        callbackUrl="https://me.test/done?key=1",
        convert=False,
    )

    assert answer.status == 202
    assert options_of(backend, answer.json["jobId"]) == JobOptions(
        album="aB12",
        title="{number} of {count}",
        description="{name}\r\nfrom {host} {{}}",
        priority=Priority.HIGH,
        source_headers=((ORIGIN, (("Authorization", "Bearer x"), ("Cookie", "a=b"))),),
        callback_url="https://me.test/done?key=1",
        convert=False,
    )


def test_a_job_that_asks_for_nothing_has_the_common_options(api: Any, backend: Any) -> None:
    assert options_of(backend, api.job(GOOD)) is NO_OPTIONS


@pytest.mark.parametrize(
    "album",
    [
        {},
        {"title": "A {day}"},
        {"title": "A", "description": "b\nc", "privacy": "secret", "layout": "vertical"},
    ],
    ids=str,
)
def test_an_album_may_be_new(api: Any, backend: Any, album: dict[str, str]) -> None:
    answer = post(api, album=album)

    assert answer.status == 202
    assert options_of(backend, answer.json["jobId"]) == JobOptions(album=NewAlbum(**album))
    assert api.status(answer.json["jobId"])["album"] == {
        "id": None,
        "link": None,
        "state": "pending",
    }


@pytest.mark.parametrize(
    ("album", "fault"),
    [
        ({"title": ""}, ("/title", "invalid-length")),
        ({"title": "a\nb"}, ("/title", "not-printable")),
        ({"title": None}, ("/title", "not-a-string")),
        ({"description": "x" * (LONGEST_DESCRIPTION + 1)}, ("/description", "invalid-length")),
        ({"privacy": "private"}, ("/privacy", "unknown-privacy")),
        ({"layout": ["grid"]}, ("/layout", "unknown-layout")),
        ({"cover": "x"}, ("/cover", "unknown-field")),
    ],
    ids=str,
)
def test_a_new_album_is_checked(api: Any, album: object, fault: tuple[str, str]) -> None:
    pointer, code = fault
    assert faults(post(api, album=album)) == [(f"#/album{pointer}", code)]


def test_a_field_of_a_new_album_stands_once(api: Any) -> None:
    answer = api.post_body(f'{{"urls": ["{GOOD}"], "album": {{"title": "a", "title": "b"}}}}')
    assert (answer.status, answer.json["code"]) == (400, "repeated-field")


@pytest.mark.parametrize("value", [None, 1, "", "a b", "x" * 65, "ü", ["a"]], ids=str)
def test_an_album_is_an_id(api: Any, value: object) -> None:
    assert faults(post(api, album=value)) == [("#/album", "invalid-album")]


@pytest.mark.parametrize(
    ("field", "longest"), [("title", LONGEST_TITLE), ("description", LONGEST_DESCRIPTION)]
)
def test_texts(api: Any, field: str, longest: int) -> None:
    def codes(value: object) -> list[str]:
        return [code for _, code in faults(post(api, **{field: value}))]

    assert post(api, **{field: "ü" * longest}).status == 202
    assert codes("ü" * (longest + 1)) == codes("") == ["invalid-length"]
    assert codes(None) == codes(1) == codes(["a"]) == ["not-a-string"]
    assert codes("a\x00b") == codes("\ud800") == codes("a\x7f") == ["not-printable"]
    assert codes("{x} {number} {y}") == ["unknown-placeholder", "unknown-placeholder"]
    assert codes("{number!r}") == codes("{") == codes("}{{") == ["unknown-placeholder"]


def test_a_title_is_one_line_and_a_description_need_not_be(api: Any) -> None:
    assert post(api, description="a\n\tb").status == 202
    assert faults(post(api, title="a\nb")) == [("#/title", "not-printable")]


def test_the_placeholders_are_named_to_whoever_mistook_them(api: Any) -> None:
    (error,) = post(api, title="{nummer}").json["errors"]
    assert "{nummer}" in error["detail"]
    assert "{number}, {count}, {name}, {host}" in error["detail"]


@pytest.mark.parametrize("value", [None, "", "urgent", "HIGH", 1, ["high"], {}], ids=str)
def test_priorities_are_three(api: Any, value: object) -> None:
    assert faults(post(api, priority=value)) == [("#/priority", "unknown-priority")]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "/done",
        "ftp://me.test/",
        "https://user:secret@me.test/",
        "https://me.te st/x",
        "https://me.test/" + "x" * LONGEST_CALLBACK,
        ["https://me.test/"],
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_callback_is_a_plain_url(api: Any, value: object) -> None:
    answer = post(api, callbackUrl=value)
    assert faults(answer) == [("#/callbackUrl", "invalid-callback-url")]
    assert "secret" not in answer.result.text


class TestSourceHeaders:
    """Secrets, that go where they should and are shown nowhere."""

    def faults(self, api: Any, headers: object) -> list[tuple[str, str]]:
        return faults(post(api, sourceHeaders=headers))

    @pytest.mark.parametrize(
        "origin",
        [
            "example.com",
            "https://example.com/path",
            "https://example.com?",
            "https://example.com/#x",
            "https://user@example.com",
            "ftp://example.com",
            "https://*.example.com",
            "https://example.com\r\nX: y",
            "\ud800",
            "",
        ],
        ids=repr,
    )
    def test_they_are_for_an_origin(self, api: Any, origin: str) -> None:
        ((pointer, code),) = self.faults(api, {origin: {"X-A": "b"}})
        assert code == "invalid-origin"
        assert pointer.startswith("#/sourceHeaders/")

    @pytest.mark.parametrize("again", ["HTTPS://EXAMPLE.com:443", f" {ORIGIN}.:/ "])
    def test_an_origin_is_there_once(self, api: Any, again: str) -> None:
        twice = {ORIGIN: {"X-A": "b"}, again: {"X-A": "c"}}
        assert [code for _, code in self.faults(api, twice)] == ["invalid-origin"]

    @pytest.mark.parametrize(
        "name", [*sorted(REFUSED_HEADERS), "Proxy-Authorization", "X-Forwarded-For", "HOST"]
    )
    def test_some_are_not_to_be_set(self, api: Any, name: str) -> None:
        pointer = f"#/sourceHeaders/https:~1~1example.com/{name}"
        assert self.faults(api, {ORIGIN: {name: "x"}}) == [(pointer, "header-not-allowed")]

    @pytest.mark.parametrize("name", ["", "X A", "X:", "X\r\nHost", "ü", "x" * 65], ids=repr)
    def test_a_name_is_a_token(self, api: Any, name: str) -> None:
        assert [code for _, code in self.faults(api, {ORIGIN: {name: "x"}})] == [
            "invalid-header-name"
        ]

    def test_a_name_is_there_once(self, api: Any) -> None:
        faulty = self.faults(api, {ORIGIN: {"X-A": "b", "x-a": "c"}})
        assert faulty == [("#/sourceHeaders/https:~1~1example.com/x-a", "invalid-header-name")]

    @pytest.mark.parametrize(
        "value",
        ["", " x", "x ", "secret\r\nHost: y", "secret\n", "sécret", "\x00", 1, None, ["x"]],
        ids=repr,
    )
    def test_a_value_is_printable_and_never_shown(self, api: Any, value: object) -> None:
        answer = post(api, sourceHeaders={ORIGIN: {"X-A": value}})
        pointer = "#/sourceHeaders/https:~1~1example.com/X-A"
        assert faults(answer) == [(pointer, "invalid-header-value")]
        assert "cret" not in answer.result.text

    @pytest.mark.parametrize("headers", [None, [], "x", 1], ids=str)
    def test_they_are_an_object(self, api: Any, headers: object) -> None:
        assert self.faults(api, headers) == [("#/sourceHeaders", "not-an-object")]
        ((_, code),) = self.faults(api, {ORIGIN: headers})
        assert code == "not-an-object"

    def test_their_number_and_size_are_bounded(self, api: Any) -> None:
        origins = {f"https://{n}.test": {"X-A": "b"} for n in range(MAX_ORIGINS + 1)}
        headers = {f"X-{n}": "x" for n in range(MAX_HEADERS + 1)}
        large = {f"X-{n}": "x" * 2000 for n in range(9)}

        assert self.faults(api, origins) == [("#/sourceHeaders", "invalid-length")]
        assert self.faults(api, {}) == [("#/sourceHeaders", "invalid-length")]
        assert [code for _, code in self.faults(api, {ORIGIN: headers})] == ["not-an-object"]
        assert self.faults(api, {ORIGIN: large}) == [("#/sourceHeaders", "invalid-length")]

    def test_they_are_not_logged(self, api: Any, capfd: pytest.CaptureFixture[str]) -> None:
        headers = {ORIGIN: {"Authorization": "Bearer s3cret"}}
        album = "s3cretDeletehash"
        assert post(api, sourceHeaders=headers, album=album).status == 202
        post(api, sourceHeaders=headers, album=album, title="{x}")

        flush_logs()
        assert "s3cret" not in "".join(capfd.readouterr())


class TestAllAtOnce:
    """One answer names all that is wrong."""

    def test_faults_of_all_fields(self, api: Any, backend: Any) -> None:
        answer = post(
            api, album="-", title="{x}", priority=1, sourceHeaders=1, callbackUrl=1, convert="no"
        )

        assert [pointer for pointer, _ in faults(answer)] == [
            "#/album",
            "#/title",
            "#/priority",
            "#/sourceHeaders",
            "#/callbackUrl",
            "#/convert",
        ]
        assert "#/album" in answer.json["detail"]
        assert backend.calls == 0

    def test_faults_of_urls_and_options(self, api: Any) -> None:
        answer = api.post_body(json.dumps({"urls": ["nowhere", GOOD, 1], "album": "-"}))

        assert (answer.status, answer.json["code"]) == (400, "invalid-urls")
        pointers = [error["pointer"] for error in answer.json["errors"]]
        assert pointers == ["#/album", "#/urls/0", "#/urls/2"]
        assert answer.json["errors_total"] == 3

    def test_an_unknown_field_is_named_first(self, api: Any) -> None:
        answer = post(api, album="-", albun="a")
        assert (answer.status, answer.json["code"]) == (400, "unknown-field")
        assert "'albun'" in answer.json["detail"]
