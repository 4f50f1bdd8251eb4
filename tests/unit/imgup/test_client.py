"""The client's requests, and how it reads the responses."""

import pickle
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from imgup import (
    Altered,
    BadEntry,
    BadRequestError,
    Client,
    ConflictError,
    Converted,
    Counts,
    InvalidUrlsError,
    JobSummary,
    NotFoundError,
    NotImgupError,
    NotOfferedError,
    RateLimitedError,
    ServiceFaultError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from tests.unit.imgup.stand_in import (
    JOB,
    JOB_PATH,
    Told,
    html,
    job,
    problem,
    result,
    summary,
)

JOBS = "/v1/images/upload"
ACCEPTED = Told(202, {"jobId": JOB})


def test_a_job_is_sent_with_what_was_given_and_nothing_else(stand_in, client):
    stand_in.tell("POST", JOBS, ACCEPTED)
    handle = client.submit(
        iter(["https://a/1", "https://a/2"]),
        title="{number}",
        callback_url="https://b/",
        source_headers={"https://a": {"Referer": "https://a/"}},
    )
    (asked,) = stand_in.asked
    assert handle.id == JOB
    assert asked.body == {
        "urls": ["https://a/1", "https://a/2"],
        "title": "{number}",
        "callbackUrl": "https://b/",
        "sourceHeaders": {"https://a": {"Referer": "https://a/"}},
    }
    assert asked.headers["Authorization"] == "Bearer the-key"
    assert asked.headers["User-Agent"].startswith("imgup/")


def test_each_submission_has_a_key_of_its_own_unless_one_is_given(stand_in, client):
    stand_in.tell("POST", JOBS, ACCEPTED)
    for key in (None, None, "mine"):
        client.submit(["https://a/1"], idempotency_key=key)
    first, second, third = (asked.headers["Idempotency-Key"] for asked in stand_in.asked)
    assert first != second
    assert third == "mine"


CONVERTED = {"from": "image/webp", "to": "image/jpeg", "bytesBefore": 9, "bytesAfter": 8}
CONVERTED |= {"width": 40, "height": 30}


def test_a_status_is_read_whole_and_unknown_keys_are_kept(stand_in, client):
    forecast = {"ahead": 7, "ratePerSecond": 2.5, "expectedFinish": "2026-11-24T20:00:00.000Z"}
    body = job(
        [
            result(0, altered={"type": "image/jpeg", "bytes": 7}, converted=CONVERTED),
            result(1, "failed"),
            result(2, "pending", possiblyDuplicated=True, novel=1),
        ],
        forecast=forecast,
        retryOf="another",
        sandbox=True,
        novel={"of": "tomorrow"},
    )
    stand_in.tell("GET", JOB_PATH, Told(body=body))
    status = client.status(JOB)
    assert status.created == datetime(2026, 11, 24, 19, 38, 26, 179000, UTC)
    assert (status.finished, status.status, status.is_complete) == (None, "in-progress", False)
    assert status.counts == Counts(1, 1, 1, 3)
    assert [entry.index for entry in status.results] == [0, 1, 2]
    assert status.results[0].link == "https://i.imgur.com/0.png"
    assert status.results[0].altered == Altered("image/jpeg", 7)
    assert status.results[0].converted == Converted("image/webp", "image/jpeg", 9, 8, 40, 30)
    assert status.results[1].reason == "source-not-found"
    assert status.results[2].possibly_duplicated
    assert status.forecast is not None
    assert (status.forecast.ahead, status.forecast.rate_per_second) == (7, 2.5)
    assert (status.retry_of, status.sandbox, status.cancelled) == ("another", True, False)
    assert status.raw["novel"] == {"of": "tomorrow"}


def test_results_are_asked_for_page_by_page(stand_in, client):
    first = Told(body=job([result(0), result(1)], next=2))
    second = Told(body=job([result(2)], next=None))
    stand_in.tell("GET", JOB_PATH, first, second)
    found = list(client.job(JOB).results(page_size=2))
    assert [(entry.index, entry.url) for entry in found] == [
        (number, f"https://example.com/{number}.png") for number in range(3)
    ]
    assert [asked.query for asked in stand_in.asked] == [
        {"limit": "2"},
        {"limit": "2", "cursor": "2"},
    ]


def test_links_are_asked_for_page_by_page(stand_in, client):
    pages = [Told(body={"uploaded": ["x", "y"], "next": 2}), Told(body={"uploaded": ["z"]})]
    stand_in.tell("GET", "/v1/images", *pages)
    assert list(client.links(page_size=2)) == ["x", "y", "z"]
    assert stand_in.asked[1].query == {"limit": "2", "cursor": "2"}


def test_jobs_are_asked_for_page_by_page(stand_in, client):
    one = Told(body={"jobs": [summary(2, "pending")], "next": 7})
    other = Told(body={"jobs": [summary(1, "pending", cancelled=True)], "next": None})
    stand_in.tell("GET", "/v1/jobs", one, other)
    newest, oldest = client.jobs(status="pending", page_size=1)
    created = datetime(2026, 11, 24, 19, 38, 26, 179000, UTC)
    assert newest == JobSummary("job-2", created, None, "pending", Counts(1, 20, 3, 24))
    assert oldest.cancelled
    assert [asked.query for asked in stand_in.asked] == [
        {"limit": "1", "status": "pending"},
        {"limit": "1", "status": "pending", "cursor": "7"},
    ]


def test_a_job_is_cancelled_retried_and_rid_of_an_image(stand_in, client):
    stand_in.tell("DELETE", JOB_PATH, Told(202, {"jobId": JOB, "cancelled": 3}))
    stand_in.tell("POST", JOB_PATH + "/retry", Told(202, {"jobId": "new", "retryOf": JOB}))
    stand_in.tell("DELETE", JOB_PATH + "/images/4", Told(202, {"deleted": "pending"}))
    handle = client.job(JOB)
    assert handle.cancel() == 3
    assert handle.retry() == client.job("new")
    handle.delete_image(4)
    assert [asked.method for asked in stand_in.asked] == ["DELETE", "POST", "DELETE"]


def test_another_server_has_deleted_nothing(stand_in, client):
    stand_in.tell("DELETE", JOB_PATH + "/images/4", Told(200, {}))
    stand_in.tell("DELETE", JOB_PATH + "/album", Told(204))
    with pytest.raises(NotImgupError):
        client.delete_image(JOB, 4)
    with pytest.raises(NotImgupError):
        client.delete_album(JOB)


def test_limits_may_be_unknown(stand_in, client):
    posts = {"limit": 1250, "remaining": 3, "reset": "2026-11-24T20:00:00Z"}
    credits_left = {"client": {"limit": 12500, "remaining": None, "reset": None}, "user": {}}
    body = {"credits": credits_left, "posts": posts, "pauseSeconds": 0, "paused": False}
    stand_in.tell("GET", "/v1/limits", Told(body=body))
    limits = client.limits()
    assert (limits.client.limit, limits.client.remaining) == (12500, None)
    assert (limits.user.limit, limits.user.remaining) == (None, None)
    assert (limits.posts.remaining, limits.posts.reset) == (3, "2026-11-24T20:00:00Z")
    assert not limits.paused


def test_not_being_ready_is_an_answer(stand_in, client, waits):
    body = {"ready": False, "state": "draining", "detail": "It ends.", "imgur": "sandbox"}
    stand_in.tell("GET", "/readyz", Told(503, body, {"Retry-After": "5"}))
    readiness = client.ready()
    assert (readiness.ready, readiness.state, readiness.sandbox) == (False, "draining", True)
    assert waits == []


def test_a_refusal_in_place_of_readiness_is_no_other_server(stand_in, client, waits):
    full = problem(503, "too-many-connections", "Full.", headers={"Retry-After": "1"})
    stand_in.tell("GET", "/readyz", full)
    with pytest.raises(UnavailableError, match="Full"):
        client.ready()
    stand_in.tell("GET", "/readyz", html(503))
    with pytest.raises(UnreachableError, match="gateway"):
        client.ready()


def test_half_a_character_is_no_id_of_a_job(stand_in, client):
    with pytest.raises(NotOfferedError):
        client.status("\udcff")


@pytest.mark.parametrize("key", ["a\nb", " a", "schlüssel"])
def test_an_idempotency_key_that_cannot_be_one_is_refused(stand_in, client, waits, key):
    with pytest.raises(ValueError, match="idempotency key"):
        client.submit(["https://a/1"], idempotency_key=key)
    assert (stand_in.asked, waits) == ([], [])


def test_a_job_id_is_never_taken_for_a_path(stand_in, client):
    with pytest.raises(NotOfferedError):
        client.status("../images?x=1")
    assert stand_in.asked[0].path == JOBS + "/..%2Fimages%3Fx%3D1"


def test_a_client_may_stand_behind_a_path(stand_in):
    stand_in.tell("GET", "/below/readyz", Told(body={"ready": True, "state": "x", "detail": "y"}))
    with Client(stand_in.url + "/below/") as client:
        assert client.ready().ready


def test_the_sandbox_is_noticed(stand_in, client):
    stand_in.tell("POST", JOBS, Told(202, {"jobId": JOB}, {"X-Sandbox": "true"}))
    assert not client.sandbox
    client.submit(["https://a/1"])
    assert client.sandbox


def test_half_a_surrogate_pair_hides_no_job(stand_in, client):
    stand_in.tell("GET", JOB_PATH, Told(body=job([result(0, "failed", message="\ud800")])))
    assert client.status(JOB).results[0].message == "\ud800"


def test_answers_do_not_change_and_can_be_compared(stand_in, client):
    bodies = (job([result(0)]), job([result(0)], novel=1))
    stand_in.tell("GET", JOB_PATH, *(Told(body=body) for body in bodies))
    status = client.status(JOB)
    assert status == client.status(JOB)
    assert len({status, client.status(JOB)}) == 1
    for answer, name in ((status, "sandbox"), (status.counts, "total"), (status.results[0], "url")):
        with pytest.raises(FrozenInstanceError):
            setattr(answer, name, None)


# --- what goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "urls-empty", BadRequestError),
        (400, "invalid-urls", InvalidUrlsError),
        (401, "unauthorized", UnauthorizedError),
        (403, "forbidden", UnauthorizedError),
        (404, "job-not-found", NotFoundError),
        (404, "not-found", NotOfferedError),
        (405, "method-not-allowed", NotOfferedError),
        (409, "job-complete", ConflictError),
        (413, "body-too-large", BadRequestError),
        (422, "idempotency-key-reused", BadRequestError),
        (429, "rate-limited", RateLimitedError),
        (500, "internal-error", ServiceFaultError),
        (503, "draining", UnavailableError),
    ],
)
def test_each_refusal_has_its_kind(stand_in, client, status, code, kind):
    stand_in.tell("POST", JOBS, problem(status, code, "One sentence.", novel=1))
    with pytest.raises(kind) as caught:
        client.submit(["https://a/1"])
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, code)
    assert str(caught.value) == f"One sentence. ({status} {code})"
    assert caught.value.raw["novel"] == 1


def test_a_refusal_comes_whole_from_another_process():
    errors = (BadEntry(1, "ftp://a", "url-scheme", "W"),)
    error = InvalidUrlsError(400, "invalid-urls", "No.", errors=errors, retry_after=1.0)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is InvalidUrlsError
    assert (str(copy), vars(copy)) == ("No. (400 invalid-urls)", vars(error))


def test_bad_entries_are_listed(stand_in, client):
    errors = [
        {"pointer": "#/", "index": 1, "value": "ftp://a", "code": "url-scheme", "detail": "W"},
        {"pointer": "#/", "index": 3, "value": "5", "code": "not-a-string", "detail": "V"},
    ]
    refusal = problem(400, "invalid-urls", "No.", errors=errors, errors_total=1200)
    stand_in.tell("POST", JOBS, refusal)
    with pytest.raises(InvalidUrlsError) as caught:
        client.submit(["https://a/1"])
    assert caught.value.errors == (
        BadEntry(1, "ftp://a", "url-scheme", "W"),
        BadEntry(3, "5", "not-a-string", "V"),
    )
    assert caught.value.errors_total == 1200


@pytest.mark.parametrize(
    "told",
    [
        html(),
        html(404),
        Told(404, {"message": "no such thing"}),
        Told(200, ["jobId"]),
        Told(200, {"id": JOB}),
        Told(200, {"jobId": 5}),
        Told(200, b""),
        Told(302, b"", {"Location": "https://login.example/"}),
        Told(200, b"9" * 5000),
        Told(500, b"[" * 100_000),
    ],
    ids=[
        *("html", "html 404", "json 404", "array", "no field", "wrong type", "empty", "redirect"),
        *("long number", "deep JSON"),
    ],
)
def test_another_server_is_told_from_a_service(stand_in, client, told):
    stand_in.tell("POST", JOBS, told)
    with pytest.raises(NotImgupError):
        client.submit(["https://a/1"])
    assert len(stand_in.asked) == 1


def test_a_refusal_with_a_code_of_another_kind_is_not_the_services(stand_in, client, waits):
    told = Told(429, {"code": 429, "message": "Quota."}, {"Retry-After": "1"})
    stand_in.tell("POST", JOB_PATH + "/retry", told)
    with pytest.raises(RateLimitedError, match="gateway"):
        client.retry(JOB)
    assert waits == []


def test_a_job_too_large_for_a_proxy_is_told_as_such(stand_in, client):
    stand_in.tell("POST", JOBS, html(413))
    with pytest.raises(BadRequestError, match="fewer URLs"):
        client.submit(["https://a/1"])


def test_a_redirect_is_named_and_not_followed(stand_in, client):
    stand_in.tell("GET", "/readyz", Told(301, b"", {"Location": stand_in.url + "/elsewhere"}))
    with pytest.raises(NotImgupError, match="/elsewhere"):
        client.ready()
    assert len(stand_in.asked) == 1


def test_a_stamp_that_is_none_is_not_of_this_service(stand_in, client):
    stand_in.tell("GET", JOB_PATH, Told(body=job([result(0)]) | {"created": "yesterday"}))
    with pytest.raises(NotImgupError, match="created"):
        client.status(JOB)


def test_nobody_listening_is_told_at_once(waits):
    with Client("http://127.0.0.1:1") as client:
        client._connection.sleep = waits.append
        with pytest.raises(UnreachableError, match="Cannot connect"):
            client.ready()
    assert waits == []


@pytest.mark.parametrize("key", ["two\nlines", "naïve", "", "tab\t"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key):
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        Client(api_key=key)
    assert not key or key not in str(caught.value)


def test_one_text_is_no_list_of_urls(client, stand_in):
    with pytest.raises(TypeError, match="a list of URLs"):
        client.submit("https://example.com/0.png")
    assert not stand_in.asked
