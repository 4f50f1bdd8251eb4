import hashlib
import re

import pytest

from sandbox import images
from sandbox.imgur_api import MAX_ANIMATION_BYTES, MAX_IMAGE_BYTES

PNG = images.inscribe("png", "1.png").data
GRANT = {"client_id": "id", "client_secret": "secret", "grant_type": "refresh_token"}
GRANT |= {"refresh_token": "sandbox-token"}


def error_of(answer):
    body = answer.json()
    assert (body["success"], body["status"]) == (False, answer.status_code)
    assert body["data"]["method"] == "POST"
    return body["data"]["error"]


def post_form(client, path, form):
    files = {name: (None, value) for name, value in form.items()}
    return client.ask("POST", path, headers={"Authorization": "Client-ID x"}, files=files)


@pytest.mark.parametrize("path", ["/3/image", "/3/upload"])
def test_an_upload_is_told_as_imgur_does(client, clock, path):
    answer = client.upload(PNG, path=path, form={"title": "T", "description": "D"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["success"]) == (200, 200, True)
    data = body["data"]
    assert data["link"] == f"http://sandbox.test:8001/sandbox/{data['id']}.png"
    assert (data["title"], data["description"], data["type"]) == ("T", "D", "image/png")
    assert (data["width"], data["height"], data["size"]) == (88, 64, len(PNG))
    assert (data["datetime"], data["account_id"]) == (int(clock.now), 0)
    assert client.get(f"/sandbox/{data['id']}.png").content == PNG


def test_rate_limit_headers_come_with_every_answer(client):
    for answer in (client.upload(PNG), client.upload(b""), client.get("/3/nothing")):
        assert set(answer.headers) >= {
            "X-RateLimit-UserLimit", "X-RateLimit-UserRemaining", "X-RateLimit-UserReset",
            "X-RateLimit-ClientLimit", "X-RateLimit-ClientRemaining", "X-Post-Rate-Limit-Limit",
            "X-Post-Rate-Limit-Remaining", "X-Post-Rate-Limit-Reset",
        }  # fmt: skip


@pytest.mark.parametrize("name", images.REFUSED_NAMES)
def test_types_that_imgur_refuses_are_refused(client, name):
    answer = client.upload(images.load(name).data)
    error = error_of(answer)
    assert answer.status_code == 400
    assert (error["code"], error["message"]) == (1003, "File type invalid (1)")


def test_an_image_that_is_too_large_or_empty_is_refused(client):
    large = images.inscribe("jpg", "1.jpg", pad_to=MAX_IMAGE_BYTES + 1000).data
    assert client.upload(large).status_code == 413
    assert error_of(client.upload(b"")) == "No image data was sent"
    assert client.uploads()["count"] == 0


def test_an_animation_has_a_limit_of_its_own(client):
    padding = bytes(MAX_ANIMATION_BYTES)
    assert client.upload(images.load("small.gif").data + padding).status_code == 200
    assert client.upload(images.load("animation.gif").data + padding).status_code == 417


@pytest.mark.parametrize(
    "form",
    [{"image": "https://a.test/a.png"}, {"image": "https://a", "type": "url"}, {"type": "URL"}],
)
def test_an_upload_by_link_is_refused_and_logged(client, form, caplog):
    answer = post_form(client, "/3/image", form)
    assert answer.status_code == 400
    assert "refuses uploads by link" in error_of(answer)
    assert "upload by link refused" in caplog.text


@pytest.mark.parametrize(
    "form", [{"other": "x"}, {"image": "aGVsbG8="}], ids=["no image", "base64"]
)
def test_an_image_that_is_no_file_is_refused(client, form):
    answer = post_form(client, "/3/image", form)
    assert (answer.status_code, "multipart" in error_of(answer)) == (400, True)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        *((value, 401) for value in ("", "Client-ID", "Client-ID ", "Basic abc", "Bearer")),
        ("Bearer unknown", 403),
        ("client-id x", 200),
    ],
)
def test_uploads_need_an_authorization(client, authorization, status):
    answer = client.upload(PNG, headers={"Authorization": authorization})
    assert answer.status_code == status


@pytest.mark.parametrize(
    "body",
    [{"data": GRANT}, {"json": GRANT}, {"files": {k: (None, v) for k, v in GRANT.items()}}],
    ids=["form", "JSON", "multipart"],
)
def test_a_refresh_token_buys_an_access_token_that_expires(client, clock, body):
    answer = client.ask("POST", "/oauth2/token", **body)
    told = answer.json()
    assert answer.status_code == 200
    assert (told["expires_in"], told["token_type"]) == (3600, "bearer")
    assert (told["refresh_token"], told["account_username"]) == ("sandbox-token", "sandbox")
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    uploaded = client.upload(PNG, headers=bearer)
    assert (uploaded.status_code, uploaded.json()["data"]["account_id"]) == (200, 1)
    clock.now += 3601
    expired = client.upload(PNG, headers=bearer)
    assert expired.status_code == 401
    assert error_of(expired) == "The access token provided has expired."


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"refresh_token": "real-looking"}, "Invalid refresh token"),
        ({"grant_type": "password"}, "Invalid grant_type parameter"),
        ({"client_secret": ""}, "The required fields are: "),
    ],
)
def test_a_wrong_refresh_is_refused(client, change, error):
    answer = client.ask("POST", "/oauth2/token", json=GRANT | change)
    assert answer.status_code == 400
    assert error_of(answer).startswith(error)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_broken_refresh_is_refused(client, body):
    kind = {"Content-Type": "application/json"}
    assert client.ask("POST", "/oauth2/token", headers=kind, data=body).status_code == 400


def test_an_image_is_deleted_by_its_deletehash(client):
    data = client.upload(PNG).json()["data"]
    path, auth = f"/3/image/{data['deletehash']}", {"Authorization": "Client-ID x"}
    assert client.ask("DELETE", path).status_code == 401
    answer = client.ask("DELETE", path, headers=auth)
    assert (answer.status_code, answer.json()["data"]) == (200, True)
    assert client.ask("DELETE", path, headers=auth).status_code == 404
    assert client.get(f"/sandbox/{data['id']}.png").status_code == 404
    assert client.uploads()["uploads"][0]["deleted"] is True


def test_credits_are_told(client):
    assert client.get("/3/credits").status_code == 401
    answer = client.get("/3/credits", {"Authorization": "Client-ID x"})
    assert answer.json()["data"]["ClientLimit"] == 12_500


@pytest.mark.parametrize("name", ["17.png", "17.jpg", "17.gif"])
def test_tests_can_tell_what_was_uploaded(client, name):
    image = images.inscribe(name[-3:], name, pad_to=9000).data
    client.upload(image)
    client.upload(images.load("small.png").data)
    client.upload(b"no image")
    told = client.uploads()
    assert (told["count"], told["attempts"]) == (2, 3)
    first, second = told["uploads"]
    assert (first["name"], second["name"]) == (name, None)
    assert first["digest"] == hashlib.sha256(image).hexdigest()
    assert (first["size"], first["deleted"]) == (len(image), False)
    assert client.forget_uploads().status_code == 200
    told = client.uploads()
    assert told == {"count": 0, "attempts": 0, "uploads": [], "albums": []}


def test_neither_list_nor_reset_is_for_everybody(client):
    client.upload(PNG)
    for method in ("GET", "HEAD", "DELETE"):
        for path in ("/sandbox/uploads", "/sandbox/uploads?key=", "/sandbox/uploads?key=other"):
            answer = client.ask(method, path)
            assert answer.status_code == 403
            assert b"sbx-" not in answer.content
    assert client.uploads()["count"] == 1


def test_ids_tell_nothing_of_each_other(client):
    first, second = (client.upload(PNG).json()["data"] for _ in range(2))
    assert re.fullmatch("sbx-[0-9a-f]{12}", first["id"])
    assert len(set(first["id"][4:]) | set(second["id"][4:])) > 2
    assert not set(re.findall("[0-9a-f]{12}", first["deletehash"])[1:]) & {first["id"][4:]}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"anything"),
        ("multipart/form-data; boundary=x", b"anything"),
        ("multipart/form-data; boundary=x", b"--x\r\nno head"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n'),
        ("text/plain", b"anything"),
        ("", b""),
    ],
)
def test_what_is_no_form_is_refused(client, kind, body):
    headers = {"Authorization": "Client-ID x", "Content-Type": kind}
    answer = client.ask("POST", "/3/image", headers=headers, data=body)
    assert (answer.status_code, "multipart" in error_of(answer)) == (400, True)
