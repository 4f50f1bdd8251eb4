import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests_mock

from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Altered, Uploaded
from workers.worker.imgur.client import ImgurClient, public_link
from workers.worker.imgur.multipart import CHUNK_BYTES

API = "https://api.imgur.com"
UPLOAD = f"{API}/3/image"
IMAGE = b"\xff\xd8\xff\xe0 a picture"

Make = Callable[..., ImgurClient]


def stored(link: object = "https://i.imgur.com/abc.jpg") -> dict[str, object]:
    data = {"id": "abc", "deletehash": "dEl", "link": link}
    return {"data": data, "success": True, "status": 200}


def refused(status: int, text: str) -> dict[str, object]:
    data = {"error": text, "request": "/3/image", "method": "POST"}
    return {"data": data, "success": False, "status": status}


def upload(client: ImgurClient, data: bytes = IMAGE) -> Uploaded:
    return client.upload(io.BytesIO(data), len(data), "image/jpeg", "image.jpg")


def failure(client: ImgurClient) -> ImgurError:
    with pytest.raises(ImgurError) as caught:
        upload(client)
    return caught.value


def test_an_anonymous_upload(make_client: Make, api: requests_mock.Adapter) -> None:
    api.register_uri("POST", UPLOAD, json=stored())
    image = upload(make_client())
    assert image == Uploaded("https://i.imgur.com/abc.jpg", "dEl", None)
    request = api.request_history[-1]
    assert request.headers["Authorization"] == "Client-ID the-client-id"
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert request.headers["Content-Length"] == str(len(request.body))
    assert b'name="type"\r\n\r\nfile\r\n' in request.body
    assert b'name="image"; filename="image.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' in request.body
    assert IMAGE in request.body
    assert b"album" not in request.body


def test_the_deletehash_of_a_job_s_album_is_never_shown(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    api.register_uri("POST", UPLOAD, status_code=400, json=refused(400, "No album s3cretHash"))
    client, fields = make_client(), {"album": "s3cretHash", "title": "album"}
    with pytest.raises(ImgurError) as caught:
        client.upload(io.BytesIO(IMAGE), len(IMAGE), "image/jpeg", "image.jpg", fields)
    assert 'Imgur says: "No album ***"' in caught.value.message


@pytest.mark.parametrize("album", ["ratelimit", "RateLimit7"])
def test_the_name_of_an_album_does_not_decide_what_a_refusal_means(
    make_client: Make, api: requests_mock.Adapter, album: str
) -> None:
    """Whoever names an album chooses words of Imgur's sentence; a rate limit would stop all."""
    sentence = f"You are not the owner of album '{album}', which means you can't add images to it."
    api.register_uri("POST", UPLOAD, status_code=400, json=refused(400, sentence))
    client = make_client()
    with pytest.raises(ImgurError) as caught:
        client.upload(io.BytesIO(IMAGE), len(IMAGE), "image/jpeg", "image.jpg", {"album": album})
    assert caught.value.reason is Reason.IMGUR_REFUSED
    assert "the owner of album '***'" in caught.value.message


def test_an_image_that_imgur_changed(make_client: Make, api: requests_mock.Adapter) -> None:
    data = {"link": "https://i.imgur.com/abc.png", "type": "image/png", "size": 7}
    api.register_uri("POST", UPLOAD, json={"data": data, "success": True, "status": 200})
    assert upload(make_client()).details.altered == Altered("image/png", 7)


def test_an_upload_to_an_album(make_client: Make, api: requests_mock.Adapter) -> None:
    api.register_uri("POST", UPLOAD, json=stored())
    upload(make_client(ImgurAccess(f"{API}/", "id", album="aBc12")))
    assert b'name="album"\r\n\r\naBc12\r\n' in api.request_history[-1].body


def test_a_large_image_is_streamed_with_its_length(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    sent: list[bytes] = []

    def answer(request: Any, _context: object) -> str:
        sent.append(request.body)
        return json.dumps(stored())

    api.register_uri("POST", UPLOAD, text=answer)
    data = bytes(range(256)) * (CHUNK_BYTES // 256 + 1)
    upload(make_client(), data)
    assert data in sent[0]
    assert api.request_history[-1].headers["Content-Length"] == str(len(sent[0]))
    assert "Transfer-Encoding" not in api.request_history[-1].headers


def test_a_used_up_allowance_comes_with_the_image(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    headers = {"X-Post-Rate-Limit-Remaining": "0", "X-Post-Rate-Limit-Reset": "120"}
    api.register_uri("POST", UPLOAD, json=stored(), headers=headers)
    assert upload(make_client()).pause_seconds == 120


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://i.imgur.com/a.jpg", "https://i.imgur.com/a.jpg"),
        ("http://i.imgur.com/a.jpg", "https://i.imgur.com/a.jpg"),
        ("http://imgur.com/a", "https://imgur.com/a"),
        ("http://notimgur.com/a", "http://notimgur.com/a"),
        ("http://i.imgur.com.evil.test/a", "http://i.imgur.com.evil.test/a"),
        ("http://127.0.0.1:8001/i/a.png", "http://127.0.0.1:8001/i/a.png"),
        ("https://[::1]:8001/i/a.png", "https://[::1]:8001/i/a.png"),
        ("http://I.Imgur.com/a", "https://I.Imgur.com/a"),
        ("HTTP://i.imgur.com/a", "https://i.imgur.com/a"),
        ("http://i.imgur.com:8080/a", "http://i.imgur.com:8080/a"),
        ("http://a-1.test/a", "http://a-1.test/a"),
        ("http://[::ffff:127.0.0.1]/a", "http://[::ffff:127.0.0.1]/a"),
        ("http://" + "a." * 126 + "a/a", "http://" + "a." * 126 + "a/a"),
        ("http://" + "a." * 127 + "a/a", None),
        ("http://" + "a" * 64 + ".test/a", None),
        ("https://i.imgur.com:0/a", None),
        ("https://i.imgur.com:65536/a", None),
        ("https://i.imgur.com:99999999/a", None),
        ("https://i.imgur.com:/a", None),
        ("https://i.imgur.com:٣/a", None),
        ("https://i.imgur.com:80:80/a", None),
        ('https://i.imgur.com"onload=alert(1)/a', None),
        ("https://<b>/a", None),
        ("https://i.imgur.com%2e/a", None),
        ("https://i_imgur.com/a", None),
        ("https://\u0131.imgur.com/a", None),
        ("https://i\uff0eimgur.com/a", None),
        ("https://..imgur.com/a", None),
        ("https://.imgur.com/a", None),
        ("https://i.imgur.com./a", "https://i.imgur.com./a"),
        ("HTTP://A.test/a", "http://A.test/a"),
        ("https://i.imgur.com\x00.test/a", None),
        ("https://i.imgur.com,evil.test/a", None),
        ("https://[::1/a", None),
        ("https://[::1%eth0]/a", None),
        ("https://::1/a", None),
        ("ftp://i.imgur.com/a.jpg", None),
        ("javascript:alert(1)", None),
        ("//i.imgur.com/a.jpg", "https://i.imgur.com/a.jpg"),
        (" http://i.imgur.com/a.jpg\n", "https://i.imgur.com/a.jpg"),
        ("///i.imgur.com/a.jpg", None),
        ("/a.jpg", None),
        ("https://", None),
        ("https:///a", None),
        ("https://i.imgur.com/", None),
        ("https://user@i.imgur.com/a", None),
        ("https://i.imgur.com/a\r\nX: y", None),
        ("https://i.imgur.com/a b", None),
        ("https://i.imgur.com/" + "a" * 5000, None),
        ("", None),
        (None, None),
        (7, None),
        (["https://i.imgur.com/a.jpg"], None),
    ],
)
def test_links(
    make_client: Make, api: requests_mock.Adapter, link: object, shown: str | None
) -> None:
    assert public_link(link) == shown
    api.register_uri("POST", UPLOAD, json=stored(link))
    if shown is None:
        assert failure(make_client()).reason is Reason.IMGUR_BAD_ANSWER
    else:
        assert upload(make_client()).link == shown


STORED = json.dumps(stored())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(200, json.dumps({"data": stored()["data"]}), id="nothing but the data"),
        pytest.param(200, "\ufeff" + STORED, id="BOM"),
        pytest.param(200, STORED + STORED.replace("abc", "other"), id="a second document"),
        pytest.param(200, STORED + "<!-- proxy -->", id="rubbish behind"),
        pytest.param(201, STORED, id="201"),
        pytest.param(299, STORED, id="299"),
        pytest.param(302, STORED, id="redirect"),
        pytest.param(500, STORED, id="500"),
        pytest.param(429, STORED, id="429"),
    ],
)
def test_a_link_is_never_sent_for_again(
    make_client: Make, api: requests_mock.Adapter, status: int, body: str
) -> None:
    api.register_uri("POST", UPLOAD, content=body.encode(), status_code=status)
    assert upload(make_client()).link == "https://i.imgur.com/abc.jpg"
    assert len(api.request_history) == 1


def test_a_link_in_a_refusal_is_none(make_client: Make, api: requests_mock.Adapter) -> None:
    body = {**stored(), "success": False}
    api.register_uri("POST", UPLOAD, json=body, status_code=400)
    assert failure(make_client()).reason is Reason.IMGUR_REFUSED


@pytest.mark.parametrize("deletehash", [None, 7, {}])
def test_a_deletehash_that_is_none_does_not_cost_the_link(
    make_client: Make, api: requests_mock.Adapter, deletehash: object
) -> None:
    body = {"data": {"link": "https://i.imgur.com/a.jpg", "deletehash": deletehash}}
    api.register_uri("POST", UPLOAD, json=body)
    assert upload(make_client()).deletehash == ""


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        pytest.param(400, refused(400, "File type invalid (1)"), "imgur-refused", id="refused"),
        pytest.param(403, refused(403, "Forbidden"), "imgur-forbidden", id="forbidden"),
        pytest.param(401, refused(401, "No"), "imgur-credentials", id="credentials"),
        pytest.param(500, refused(500, "Oops"), "imgur-error", id="error"),
        pytest.param(503, {}, "imgur-over-capacity", id="capacity"),
        pytest.param(302, {}, "imgur-bad-answer", id="redirect"),
        pytest.param(200, {"data": {}, "success": True}, "imgur-bad-answer", id="no link"),
    ],
)
def test_refusals(
    make_client: Make, api: requests_mock.Adapter, status: int, body: object, reason: str
) -> None:
    headers = {"Location": "https://elsewhere.test/"}
    api.register_uri("POST", UPLOAD, json=body, status_code=status, headers=headers)
    assert failure(make_client()).reason == reason
    assert len(api.request_history) == 1  # nothing is repeated, no redirect followed


def test_a_rate_limit(make_client: Make, api: requests_mock.Adapter) -> None:
    error = {"errors": [{"id": "x", "code": "429", "status": "Too Many Requests", "detail": "No"}]}
    api.register_uri("POST", UPLOAD, json=error, status_code=429, headers={"Retry-After": "9"})
    with pytest.raises(RateLimitedError) as caught:
        upload(make_client())
    assert caught.value.pause_seconds == 9


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (requests.ConnectTimeout("x"), Reason.IMGUR_TIMEOUT),
        (requests.ReadTimeout("x"), Reason.IMGUR_TIMEOUT),
        (requests.exceptions.SSLError("x"), Reason.IMGUR_UNREACHABLE),
        (requests.ConnectionError("x"), Reason.IMGUR_UNREACHABLE),
        (requests.exceptions.InvalidURL("x"), Reason.IMGUR_UNREACHABLE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_answer(
    make_client: Make, api: requests_mock.Adapter, raised: Exception, reason: Reason
) -> None:
    api.register_uri("POST", UPLOAD, exc=raised)
    error = failure(make_client())
    assert (error.reason, error.transient) == (reason, True)


def test_nothing_is_sent_after_the_deadline(make_client: Make, api: requests_mock.Adapter) -> None:
    error = failure(make_client(ImgurAccess(API, "id", upload_seconds=0.0)))
    assert (error.reason, error.transient) == (Reason.IMGUR_TIMEOUT, True)
    assert not error.maybe_stored
    assert not api.request_history
