"""Data URLs in a request: taken, told apart, bounded, and shown shortened."""

import base64
import json
from collections.abc import Callable
from typing import Any

GIF = b"GIF89a" + bytes(100)
OTHER = b"GIF89a" + bytes(99) + b"x"
LINK = "https://example.com/a.jpg"


def data_url(content: bytes) -> str:
    return f"data:image/gif;base64,{base64.b64encode(content).decode()}"


def test_they_are_taken_among_others_and_shown_shortened(
    api: Any, backend: Any, logged: Any
) -> None:
    job_id = api.job(LINK, data_url(GIF), data_url(OTHER))

    status = api.status(job_id)

    first, second, third = (result["url"] for result in status["results"])
    assert first == LINK
    assert second != third
    for shown in (second, third):
        assert shown.startswith("data:image/gif;base64,R0lGODlhAAAAAAAA… (106 bytes, SHA-256 ")
        assert len(shown) < 100
    assert status["uploaded"]["pending"] == [first, second, third]
    assert backend.job_table.by_id[job_id].data == {1: GIF, 2: OTHER}
    assert base64.b64encode(GIF).decode() not in repr(logged)


def test_the_same_bytes_are_a_duplicate_however_they_are_written(api: Any, logged: Any) -> None:
    packed = base64.b64encode(GIF).decode()
    urls = [
        data_url(GIF),
        f"DATA:image/gif;base64,{packed[:40]}\n{packed[40:]}",
        f"data:image/png;base64,{packed}",
        data_url(GIF),
    ]

    job_id = api.job(*urls)

    assert api.status(job_id)["counts"]["total"] == 2
    (accepted,) = (entry for entry in logged if entry["event"] == "job accepted")
    assert accepted["duplicates"] == 2


def test_each_that_cannot_be_used_is_named_and_not_shown(api: Any, backend: Any) -> None:
    answer = api.post(["data:image/png;base64,c2VjcmV0!", LINK, "data:image/png,", "data:secret"])

    assert answer.status == 400
    assert answer.json["code"] == "invalid-urls"
    errors = answer.json["errors"]
    assert [error["index"] for error in errors] == [0, 2, 3]
    assert [error["code"] for error in errors] == ["url-invalid", "empty", "url-invalid"]
    assert errors[0]["value"] == "data:image/png;base64,…"
    assert "c2VjcmV0" not in json.dumps(answer.json)
    assert backend.calls == 0


def test_max_image_bytes_holds_for_them(make_api: Callable[..., Any]) -> None:
    api = make_api(MAX_IMAGE_BYTES="106")
    assert api.post([data_url(GIF)]).status == 202
    answer = api.post([data_url(GIF + b"x")])
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "too-large")


def test_they_may_be_longer_than_other_urls(api: Any) -> None:
    assert api.post([data_url(bytes(100_000))]).status == 202


def test_the_same_key_with_other_bytes_is_another_job(api: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    first = api.post([data_url(GIF)], headers=headers)
    again = api.post([data_url(GIF)], headers=headers)
    other = api.post([data_url(OTHER)], headers=headers)

    assert again.json == first.json
    assert (other.status, other.json["code"]) == (422, "idempotency-key-reused")


def test_they_are_no_callback_url(api: Any) -> None:
    body = json.dumps({"urls": [LINK], "callbackUrl": data_url(GIF)})
    answer = api.post_body(body)
    assert answer.json["errors"][0]["code"] == "invalid-callback-url"


def test_a_large_one_is_not_sent_to_be_refused(api: Any, backend: Any) -> None:
    assert api.post([data_url(GIF)]).status == 202
    assert backend.calls == 1  # it is put without a question before

    assert api.post([data_url(GIF + bytes(300_000))]).status == 202
    assert backend.calls == 3
