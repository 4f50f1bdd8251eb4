import hashlib
import json

import pytest

from sandbox import images
from sandbox.event_log import finish_log
from sandbox.imgur_api import MAX_IMAGE_BYTES

PNG = images.numbered("1.png").data
FORM = "application/x-www-form-urlencoded"
GRANT = {
    "client_id": "id",
    "client_secret": "secret",
    "refresh_token": "sandbox-token",
    "grant_type": "refresh_token",
}


def content(answer):
    return json.loads(answer.body)


def error_of(answer):
    body = content(answer)
    assert (body["success"], body["status"]) == (False, answer.status)
    assert body["data"]["method"] == "POST"
    return body["data"]["error"]


@pytest.mark.parametrize("path", ["/3/image", "/3/upload"])
def test_an_upload_is_told_as_imgur_does(client, now, path):
    answer = client.upload(PNG, path=path, form={"title": "T", "description": "D"})
    body = content(answer)
    assert (answer.status, body["status"], body["success"]) == (200, 200, True)
    data = body["data"]
    assert data["link"] == f"http://sandbox.test:8001/sandbox/{data['id']}.png"
    assert (data["title"], data["description"], data["type"]) == ("T", "D", "image/png")
    assert (data["width"], data["height"], data["size"]) == (48, 32, len(PNG))
    assert (data["datetime"], data["account_id"]) == (int(now[0]), 0)
    assert client.get(f"/sandbox/{data['id']}.png").body == PNG


def test_rate_limit_headers_come_with_every_answer(client):
    for answer in (client.upload(PNG), client.upload(b""), client.get("/3/nothing")):
        names = {name for name, _ in answer.headers}
        assert names >= {
            "X-RateLimit-UserLimit", "X-RateLimit-UserRemaining", "X-RateLimit-UserReset",
            "X-RateLimit-ClientLimit", "X-RateLimit-ClientRemaining", "X-Post-Rate-Limit-Limit",
            "X-Post-Rate-Limit-Remaining", "X-Post-Rate-Limit-Reset",
        }  # fmt: skip


@pytest.mark.parametrize("name", images.REFUSED_NAMES)
def test_types_that_imgur_refuses_are_refused(client, name):
    answer = client.upload(images.named(name).data)
    error = error_of(answer)
    assert answer.status == 400
    assert (error["code"], error["message"]) == (1003, "File type invalid (1)")


def test_an_image_that_is_too_large_or_empty_is_refused(client):
    large = images.numbered("1.jpg", pad_to=MAX_IMAGE_BYTES + 1000).data
    assert client.upload(large).status == 413
    assert error_of(client.upload(b"")) == "No image data was sent"
    assert client.json("/sandbox/uploads")["count"] == 0


@pytest.mark.parametrize(
    "form",
    [
        {"image": "https://example.com/a.png"},
        {"image": "https://example.com/a.png", "type": "url"},
        {"image": "anything", "type": "URL"},
    ],
)
def test_an_upload_by_link_is_refused_and_logged(client, form_body, form, capfd):
    kind = {"Content-Type": "multipart/form-data; boundary=a-boundary-of-the-tests"}
    fields = {"Authorization": "Client-ID x"} | kind
    answer = client.answer("POST", "/3/image", fields, form_body(None, form))
    assert answer.status == 400
    assert "refuses uploads by link" in error_of(answer)
    finish_log()
    assert "upload by link refused" in capfd.readouterr().out


@pytest.mark.parametrize("form", [{}, {"image": "aGVsbG8="}], ids=["no image", "base64"])
def test_an_image_that_is_no_file_is_refused(client, form_body, form):
    kind = {"Content-Type": "multipart/form-data; boundary=a-boundary-of-the-tests"}
    fields = {"Authorization": "Client-ID x"} | kind
    answer = client.answer("POST", "/3/image", fields, form_body(None, form))
    assert (answer.status, "multipart" in error_of(answer)) == (400, True)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("", 401),
        ("Client-ID", 401),
        ("Client-ID ", 401),
        ("Basic abc", 401),
        ("Bearer", 401),
        ("Bearer unknown", 403),
        ("client-id x", 200),
    ],
)
def test_uploads_need_an_authorization(client, authorization, status):
    answer = client.upload(PNG, headers={"Authorization": authorization})
    assert answer.status == status


@pytest.mark.parametrize("kind", [FORM, "application/json", "multipart/form-data"])
def test_a_refresh_token_buys_an_access_token_that_expires(client, form_body, now, kind):
    if kind == FORM:
        body = "&".join(f"{name}={value}" for name, value in GRANT.items()).encode()
    elif kind == "application/json":
        body = json.dumps(GRANT).encode()
    else:
        body, kind = form_body(None, GRANT), kind + "; boundary=a-boundary-of-the-tests"
    answer = client.answer("POST", "/oauth2/token", {"Content-Type": kind}, body)
    told = content(answer)
    assert answer.status == 200
    assert (told["expires_in"], told["token_type"]) == (3600, "bearer")
    assert (told["refresh_token"], told["account_username"]) == ("sandbox-token", "sandbox")
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    uploaded = client.upload(PNG, headers=bearer)
    assert (uploaded.status, content(uploaded)["data"]["account_id"]) == (200, 1)
    now[0] += 3601
    expired = client.upload(PNG, headers=bearer)
    assert (expired.status, error_of(expired)) == (401, "The access token provided has expired.")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"refresh_token": "real-looking"}, "Invalid refresh token"),
        ({"grant_type": "password"}, "Invalid grant_type parameter"),
        ({"client_secret": ""}, "The required fields are: "),
    ],
)
def test_a_wrong_refresh_is_refused(client, change, error):
    answer = client.answer(
        "POST",
        "/oauth2/token",
        {"Content-Type": "application/json"},
        json.dumps(GRANT | change).encode(),
    )
    assert answer.status == 400
    assert error_of(answer).startswith(error)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_broken_refresh_is_refused(client, body):
    kind = {"Content-Type": "application/json"}
    assert client.answer("POST", "/oauth2/token", kind, body).status == 400


def test_an_image_is_deleted_by_its_deletehash(client):
    data = content(client.upload(PNG))["data"]
    path, auth = f"/3/image/{data['deletehash']}", {"Authorization": "Client-ID x"}
    assert client.answer("DELETE", path).status == 401
    answer = client.answer("DELETE", path, auth)
    assert (answer.status, content(answer)["data"]) == (200, True)
    assert client.answer("DELETE", path, auth).status == 404
    assert client.get(f"/sandbox/{data['id']}.png").status == 404
    assert client.json("/sandbox/uploads")["uploads"][0]["deleted"] is True


def test_credits_are_told(client):
    assert client.get("/3/credits").status == 401
    answer = client.get("/3/credits", {"Authorization": "Client-ID x"})
    assert content(answer)["data"]["ClientLimit"] == 12_500


@pytest.mark.parametrize("name", ["17.png", "17.jpg", "17.gif"])
def test_tests_can_tell_what_was_uploaded(client, name):
    image = images.numbered(name, pad_to=9000).data
    client.upload(image)
    client.upload(images.named("small.png").data)
    client.upload(b"no image")
    told = client.json("/sandbox/uploads")
    assert (told["count"], told["attempts"]) == (2, 3)
    first, second = told["uploads"]
    assert (first["name"], second["name"]) == (name, None)
    assert first["digest"] == hashlib.sha256(image).hexdigest()
    assert (first["size"], first["deleted"]) == (len(image), False)
    assert client.answer("DELETE", "/sandbox/uploads").status == 200
    told = client.json("/sandbox/uploads")
    assert told == {"count": 0, "attempts": 0, "uploads": []}
