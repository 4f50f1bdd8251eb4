import json
from collections.abc import Callable

import pytest
from requests.structures import CaseInsensitiveDict

from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.worker.imgur.errors import explain
from workers.worker.imgur.response import ApiResponse, parse_json

TOO_FAST = "You are uploading too fast. Please wait 59 more minutes."
PAGE = "<html><head><title>Imgur is over capacity!</title></head><body>…</body></html>"


def as_sentence(status: int, text: str) -> str:
    data = {"error": text, "request": "/3/image", "method": "POST"}
    return json.dumps({"data": data, "success": False, "status": status})


def as_object(status: int, text: str, code: int = 1003) -> str:
    error = {"code": code, "message": text, "type": "ImgurException", "exception": []}
    return json.dumps({"data": {"error": error}, "success": False, "status": status})


def as_list(status: int, text: str) -> str:
    error = {"id": "legacy-api-1", "code": str(status), "status": "A Status", "detail": text}
    return json.dumps({"errors": [error]})


def explained(status: int, body: str, headers: dict[str, str] | None = None) -> ImgurError:
    all_headers = CaseInsensitiveDict(headers or {})
    answer = ApiResponse(status, all_headers, body.encode(), ("s3cret",))
    return explain(answer, "IMGUR_CLIENT_ID")


def quote(sentence: str) -> str:
    body = json.dumps({"error": sentence}).encode()
    return ApiResponse(400, CaseInsensitiveDict(), body, ("s3cret",)).quote


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(as_sentence(429, TOO_FAST), id="sentence"),
        pytest.param(as_object(429, TOO_FAST, 429), id="object"),
        pytest.param(as_list(429, TOO_FAST), id="list"),
    ],
)
@pytest.mark.parametrize("status", [429, 400, 200])
def test_too_fast_is_a_rate_limit_in_every_shape(status: int, body: str) -> None:
    error = explained(status, body)
    assert isinstance(error, RateLimitedError)
    assert error.pause_seconds == 3540
    assert TOO_FAST in error.message


@pytest.mark.parametrize(
    ("status", "body", "pause"),
    [
        pytest.param(429, PAGE, None, id="page"),
        pytest.param(429, "", None, id="empty"),
        pytest.param(429, '{"errors": 7}', None, id="no shape"),
        pytest.param(429, as_sentence(429, "Daily client requests exceeded"), None, id="daily"),
        pytest.param(400, as_sentence(400, "Uploading file too fast!"), None, id="as 400"),
        pytest.param(403, as_sentence(403, "Client requests exceeded"), None, id="as 403"),
        pytest.param(200, as_list(429, "Slow down"), None, id="as 200, list"),
        pytest.param(200, as_sentence(200, "Rate limit reached"), None, id="as 200, sentence"),
        pytest.param(500, as_object(500, "no", 429), None, id="code in the body alone"),
    ],
)
def test_rate_limits_under_other_names(status: int, body: str, pause: None) -> None:
    error = explained(status, body)
    assert isinstance(error, RateLimitedError)
    assert error.reason is Reason.IMGUR_RATE_LIMITED
    assert error.pause_seconds == pause


@pytest.mark.parametrize("text", ["Permission denied", "Imgur is temporarily over capacity."])
def test_a_403_with_no_credits_left_is_a_rate_limit(text: str) -> None:
    headers = {"X-RateLimit-ClientRemaining": "0", "X-RateLimit-ClientReset": "500"}
    error = explained(403, as_sentence(403, text), headers)
    assert isinstance(error, RateLimitedError)
    assert error.pause_seconds == 500


CAPACITY = "Imgur is temporarily over capacity. Please try again later."
BAD_TYPE = "File type invalid (1)"
EXPECTATION = "Internal expectation failed"


@pytest.mark.parametrize(
    ("status", "body", "reason", "transient"),
    [
        pytest.param(403, as_sentence(403, CAPACITY), Reason.IMGUR_OVER_CAPACITY, True, id="block"),
        pytest.param(400, as_object(400, CAPACITY), Reason.IMGUR_OVER_CAPACITY, True, id="400 cap"),
        pytest.param(200, PAGE, Reason.IMGUR_OVER_CAPACITY, True, id="200 page over capacity"),
        pytest.param(500, PAGE, Reason.IMGUR_OVER_CAPACITY, True, id="500 page over capacity"),
        pytest.param(503, "", Reason.IMGUR_OVER_CAPACITY, True, id="503"),
        pytest.param(500, as_sentence(500, "Oops"), Reason.IMGUR_ERROR, True, id="500"),
        pytest.param(502, "<html>Bad gateway", Reason.IMGUR_ERROR, True, id="502 page"),
        pytest.param(504, "", Reason.IMGUR_ERROR, True, id="504"),
        pytest.param(
            403, as_sentence(403, "Permission denied"), Reason.IMGUR_FORBIDDEN, False, id="403"
        ),
        pytest.param(403, "<html>blocked", Reason.IMGUR_FORBIDDEN, False, id="403 page"),
        pytest.param(451, "<html>no", Reason.IMGUR_FORBIDDEN, False, id="451"),
        pytest.param(
            400,
            as_sentence(400, "Content not available in your region"),
            Reason.IMGUR_FORBIDDEN,
            False,
            id="region as 400",
        ),
        pytest.param(
            400,
            as_sentence(400, "These actions are forbidden."),
            Reason.IMGUR_FORBIDDEN,
            False,
            id="forbidden as 400",
        ),
        pytest.param(
            401,
            as_list(401, "Authentication required"),
            Reason.IMGUR_CREDENTIALS,
            False,
            id="401",
        ),
        pytest.param(401, "", Reason.IMGUR_CREDENTIALS, False, id="401 empty"),
        pytest.param(
            403,
            as_sentence(403, "Invalid client_id"),
            Reason.IMGUR_CREDENTIALS,
            False,
            id="client id",
        ),
        pytest.param(
            403,
            as_sentence(403, "The access token provided is invalid."),
            Reason.IMGUR_CREDENTIALS,
            False,
            id="token as 403",
        ),
        pytest.param(400, as_sentence(400, BAD_TYPE), Reason.IMGUR_REFUSED, False, id="400"),
        pytest.param(400, as_object(400, BAD_TYPE), Reason.IMGUR_REFUSED, False, id="400 object"),
        pytest.param(415, as_list(415, BAD_TYPE), Reason.IMGUR_REFUSED, False, id="415 list"),
        pytest.param(417, as_sentence(417, EXPECTATION), Reason.IMGUR_REFUSED, True, id="417"),
        pytest.param(413, "<html>", Reason.IMGUR_REFUSED, False, id="413"),
        pytest.param(404, "", Reason.IMGUR_REFUSED, False, id="404"),
        pytest.param(422, "", Reason.IMGUR_REFUSED, False, id="422"),
        pytest.param(408, "", Reason.IMGUR_TIMEOUT, True, id="408"),
        pytest.param(301, "", Reason.IMGUR_BAD_ANSWER, False, id="redirect"),
        pytest.param(200, "", Reason.IMGUR_BAD_ANSWER, True, id="200 empty"),
        pytest.param(200, "<html>hello", Reason.IMGUR_BAD_ANSWER, True, id="200 page"),
        pytest.param(200, '{"data": {"id"', Reason.IMGUR_BAD_ANSWER, True, id="200 cut short"),
        pytest.param(200, "[1]", Reason.IMGUR_BAD_ANSWER, True, id="200 array"),
        pytest.param(200, as_object(400, BAD_TYPE), Reason.IMGUR_REFUSED, False, id="200, says no"),
    ],
)
def test_what_an_answer_means(status: int, body: str, reason: Reason, transient: bool) -> None:  # noqa: FBT001 - a table's column
    error = explained(status, body)
    assert not isinstance(error, RateLimitedError)
    assert (error.reason, error.transient) == (reason, transient)
    assert error.message
    assert "{" not in error.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (417, as_sentence(417, EXPECTATION)),
        (417, as_list(417, EXPECTATION)),
        (417, ""),
        (417, "<html>"),
        (200, as_sentence(417, EXPECTATION)),
    ],
)
def test_a_417_is_worth_one_more_attempt_and_told_as_what_it_mostly_means(
    status: int, body: str
) -> None:
    error = explained(status, body)
    assert (error.transient, error.max_attempts, error.maybe_stored) == (True, 2, False)
    assert "animation above its limit of 10 MB" in error.message


PASSING = (
    "Please try again",
    "Please try again later.",
    "Something went wrong, try uploading it again in a minute.",
    "Please retry",
    "Retry later",
    "The upload service is temporarily unavailable",
    "A temporary error occurred",
)
FINAL = (
    "Image is too large. Please make it smaller and try again.",
    "File is over the size limit, please try again",
    "The image exceeds 10 MB. Please try again with a smaller one.",
    "File type invalid (1). Please try again later.",
    "We don't support this format; please try again with another.",
    "Unsupported media. Please try again.",
    "This is not a valid image. Please try again.",
    "Please do not try again",
    "Your account is temporarily banned",
)


@pytest.mark.parametrize("shape", [as_sentence, as_object, as_list])
@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_an_invitation_to_try_again_is_a_passing_trouble(
    status: int, shape: Callable[[int, str], str]
) -> None:
    for sentence in PASSING:
        error = explained(status, shape(status, sentence), {"Retry-After": "17"})
        assert (error.reason, error.transient) == (Reason.IMGUR_ERROR, True), sentence
        assert (error.max_attempts, error.maybe_stored) == (None, False)
        assert error.retry_after == 17
        assert sentence in error.message


def test_an_invitation_under_status_200_is_a_passing_trouble() -> None:
    error = explained(200, as_sentence(200, PASSING[0]))
    assert (error.reason, error.transient) == (Reason.IMGUR_ERROR, True)
    assert not error.maybe_stored


@pytest.mark.parametrize("sentence", FINAL)
def test_an_invitation_with_another_file_is_none(sentence: str) -> None:
    assert not explained(400, as_sentence(400, sentence)).transient


@pytest.mark.parametrize(
    ("status", "sentence", "reason"),
    [
        (401, "Please try again", Reason.IMGUR_CREDENTIALS),
        (403, "Invalid client_id. Please try again later.", Reason.IMGUR_CREDENTIALS),
        (413, "Please try again", Reason.IMGUR_REFUSED),
        (415, "Please try again", Reason.IMGUR_REFUSED),
    ],
)
def test_credentials_size_and_type_stay_final(status: int, sentence: str, reason: Reason) -> None:
    error = explained(status, as_sentence(status, sentence))
    assert (error.reason, error.transient) == (reason, False)


@pytest.mark.parametrize(
    ("status", "body", "is_outcome_unknown"),
    [
        pytest.param(500, as_sentence(500, "Oops"), False, id="500 of the API"),
        pytest.param(500, as_list(500, "Oops"), False, id="500 as list"),
        pytest.param(502, '{"status": 502}', False, id="502 in JSON"),
        pytest.param(200, '{"status": 500, "success": false}', False, id="500 under 200"),
        pytest.param(500, "", True, id="500 empty"),
        pytest.param(500, "{}", True, id="500 that says nothing"),
        pytest.param(500, '{"data": {"id": "a"}, "success": true}', True, id="500 that says yes"),
        pytest.param(502, "<html>Bad gateway", True, id="502 page"),
        pytest.param(504, '{"data": {', True, id="504 cut short"),
        pytest.param(503, "", False, id="503"),
        pytest.param(502, PAGE, False, id="over capacity"),
        pytest.param(408, "", False, id="408"),
        pytest.param(200, "", True, id="200 empty"),
        pytest.param(200, "<html>hello", True, id="200 page"),
        pytest.param(200, '{"data": {"id": "a"}, "success": true}', True, id="yes, no link"),
    ],
)
def test_who_may_have_stored_the_image_all_the_same(
    status: int,
    body: str,
    is_outcome_unknown: bool,  # noqa: FBT001 - a table's column
) -> None:
    error = explained(status, body)
    assert (error.transient, error.maybe_stored) == (True, is_outcome_unknown)


def test_a_yes_without_a_link_costs_one_more_upload_at_most() -> None:
    assert explained(200, '{"success": true}').max_attempts == 2
    assert explained(504, "").max_attempts is None


TWO = "First reason; Second reason"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        pytest.param('{"data": {"error": ["Bad file"]}}', "Bad file", id="list"),
        pytest.param('{"data": {"error": ["First reason", "Second reason"]}}', TWO, id="long list"),
        pytest.param('{"data": {"error": [{"message": "Bad file"}]}}', "Bad file", id="objects"),
        pytest.param('{"data": {"error": [[["Bad file"]]]}}', "", id="lists of lists"),
        pytest.param('{"error": ["Bad file"]}', "Bad file", id="list beside data"),
        pytest.param('{"errors": ["Bad file", null, 7]}', "Bad file", id="errors as sentences"),
        pytest.param('{"errors": {"detail": "Bad file"}}', "Bad file", id="errors as object"),
        pytest.param('{"errors": "Bad file"}', "Bad file", id="errors as sentence"),
        pytest.param('{"data": "Bad file", "success": false}', "Bad file", id="data"),
        pytest.param('{"data": "Other", "error": "Bad file"}', "Bad file", id="data beside error"),
        pytest.param("\ufeff" + as_sentence(400, "Bad file"), "Bad file", id="BOM"),
        pytest.param("\r\n " + as_sentence(400, "Bad file"), "Bad file", id="space before"),
        pytest.param(
            as_sentence(400, "Bad file") + "\n" + as_sentence(200, "Other"), "Bad file", id="two"
        ),
        pytest.param(as_object(400, "Bad file") + "<html>Other", "Bad file", id="page behind"),
        pytest.param(as_list(400, "Bad file") + "\x00]}", "Bad file", id="rubbish behind"),
    ],
)
@pytest.mark.parametrize("status", [400, 200])
def test_a_sentence_is_found_in_any_shape(status: int, body: str, sentence: str) -> None:
    message = explained(status, body).message
    assert message.partition(" Imgur says: ")[2] == (f'"{sentence}"' if sentence else "")


def test_bytes_that_are_no_text_do_not_hide_the_sentence() -> None:
    body = as_sentence(400, "No caf?").encode().replace(b"?", b"\xe9") + b"\xff\xfe"
    answer = ApiResponse(400, CaseInsensitiveDict(), body)
    assert answer.refusal.sentence == "No caf\ufffd"


def test_a_long_list_is_quoted_in_part() -> None:
    body = json.dumps({"errors": [f"reason {n}" for n in range(100_000)]}).encode()
    sentence = ApiResponse(400, CaseInsensitiveDict(), body).refusal.sentence
    assert sentence.startswith("reason 0; reason 1; ")
    assert len(sentence) < 200


@pytest.mark.parametrize(
    ("body", "reason", "transient"),
    [
        pytest.param('{"success": false}', Reason.IMGUR_REFUSED, False, id="says no"),
        pytest.param('{"data": {"error": "Bad"}}', Reason.IMGUR_REFUSED, False, id="an error"),
        pytest.param('{"data": "Bad", "success": false}', Reason.IMGUR_REFUSED, False, id="data"),
        pytest.param('{"success": false, "status": 500}', Reason.IMGUR_ERROR, True, id="its 500"),
        pytest.param('{"data": "x", "status": 200}', Reason.IMGUR_BAD_ANSWER, True, id="neither"),
        pytest.param(
            '{"data": {"error": "x"}, "success": true}', Reason.IMGUR_BAD_ANSWER, True, id="both"
        ),
    ],
)
def test_a_no_under_status_200_is_a_no(body: str, reason: Reason, transient: bool) -> None:  # noqa: FBT001 - a table's column
    error = explained(200, body)
    assert (error.reason, error.transient) == (reason, transient)
    assert error.maybe_stored is (reason is Reason.IMGUR_BAD_ANSWER)


@pytest.mark.parametrize("shape", [as_sentence, as_object, as_list])
def test_imgurs_own_sentence_is_told_in_every_shape(shape: object) -> None:
    assert callable(shape)
    assert f'Imgur says: "{BAD_TYPE}"' in explained(400, shape(400, BAD_TYPE)).message


def test_a_credentials_error_says_what_to_check() -> None:
    assert "IMGUR_CLIENT_ID" in explained(401, "").message


def test_an_answer_without_link_says_that_the_image_may_be_there() -> None:
    assert "may have been stored" in explained(200, "{}").message


def test_a_redirect_says_what_to_check() -> None:
    assert "IMGUR_API_URL" in explained(302, "", {"Location": "https://x.test/"}).message


def test_retry_after_of_a_transient_error_is_handed_on() -> None:
    assert explained(503, "", {"Retry-After": "17"}).retry_after == 17
    assert explained(500, "").retry_after is None
    assert explained(400, "", {"Retry-After": "17"}).retry_after is None


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("", ""),
        (" \r\n\t", ""),
        ("A\r\nB\x00C\x1b[31mD", ' Imgur says: "A B C [31mD"'),
        ("left\u202eright", ' Imgur says: "left right"'),
        ("the key s3cret is wrong", ' Imgur says: "the key *** is wrong"'),
        ("é中😀", ' Imgur says: "é中😀"'),
    ],
)
def test_a_quoted_sentence_is_fit_to_be_shown(sentence: str, shown: str) -> None:
    assert quote(sentence) == shown


def test_a_long_sentence_is_shortened() -> None:
    assert len(quote("word " * 100_000)) < 230


def test_a_lone_surrogate_in_a_sentence_does_no_harm() -> None:
    message = explained(400, '{"data": {"error": "bad \\ud800 name"}}').message
    assert message.encode()
    assert "bad name" in message


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
        b"",
        b"nul",
    ],
    ids=["deep array", "deep object", "no text", "empty", "no word"],
)
def test_what_is_no_json_is_nothing(body: bytes) -> None:
    assert parse_json(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1}',
        b'\xef\xbb\xbf{"a": 1}',
        b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b' \r\n\t{"a": 1}',
        b'{"a": 1}{"a": 2}',
        b'{"a": 1}\n<html>\xff\x00',
    ],
)
def test_the_first_document_is_read(body: bytes) -> None:
    assert parse_json(body) == {"a": 1}


def test_a_number_of_any_length_is_read() -> None:
    assert parse_json(b'{"a": %s, "b": 7}' % (b"9" * 5000)) == {"a": float("inf"), "b": 7}


@pytest.mark.parametrize(
    "document",
    [
        {"data": None},
        {"data": []},
        {"data": {"error": None}},
        {"data": {"error": {"message": {"deep": 1}}}},
        {"data": {"error": ["a"]}},
        {"errors": "text"},
        {"errors": [None, 7, {"detail": None, "code": None}]},
        {"errors": []},
        {"error": {}},
        {"status": "up"},
        {"status": 10**30},
        {"status": 10**4200},
        {"status": json.loads("[" * 900 + "]" * 900)},
    ],
    ids=lambda document: json.dumps(document)[:50],
)
def test_unknown_shapes_fall_back_on_the_status(document: object) -> None:
    error = explained(400, json.dumps(document))
    assert error.reason is Reason.IMGUR_REFUSED
    assert explained(500, json.dumps(document)).reason is Reason.IMGUR_ERROR


def test_a_response_does_not_show_its_body() -> None:
    answer = ApiResponse(200, CaseInsensitiveDict(), b'{"access_token": "s3cret"}')
    assert "s3cret" not in repr(answer)
