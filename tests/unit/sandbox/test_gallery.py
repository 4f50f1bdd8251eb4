import base64
import hashlib
import re

import pytest

from sandbox import images
from sandbox.answers import Later
from sandbox.http_message import RequestError


@pytest.mark.parametrize("name", images.ACCEPTED_NAMES + images.REFUSED_NAMES)
def test_samples_are_served_with_their_type(client, name):
    answer = client.get(f"/images/{name}")
    sample = images.named(name)
    assert (answer.status, answer.body) == (200, sample.data)
    assert answer.media_type == sample.media_type
    assert ("X-Content-Type-Options", "nosniff") in answer.headers
    assert any(name == "Cache-Control" for name, _ in answer.headers)
    assert not isinstance(client.answer("GET", f"/images/{name}"), Later)  # drawn only once


def test_numbered_images_differ_and_can_be_padded(client):
    first, second = (client.get(f"/images/numbered/{n}.jpg?bytes=68000").body for n in (1, 2))
    assert first != second
    assert abs(len(first) - 68_000) < 100


@pytest.mark.parametrize(
    "path",
    [
        "/images/", "/images/nothing.png", "/images/numbered/", "/images/numbered/1.tiff",
        "/images/imgur-fault/nothing.png", "/images/imgur-fault/503.tiff", "/nothing",
        "/sandbox/nothing",
    ],
)  # fmt: skip
def test_the_rest_is_not_found(client, path):
    answer = client.get(path)
    assert answer.status == 404
    assert answer.body.endswith(b".\n")


@pytest.mark.parametrize("text", ["x", "-1", "1e9", "9999999999"])
def test_a_bad_size_is_refused(client, text):
    with pytest.raises(RequestError):
        client.get(f"/images/numbered/1.png?bytes={text}")


def test_images_with_a_fault_differ_by_key(client):
    one, two = (client.get(f"/images/imgur-fault/503~1/{key}.png").body for key in "ab")
    assert one != two
    assert [client.upload(image).status for image in (one, two, one, two)] == [503, 503, 200, 200]


def test_the_listing_names_everything_by_absolute_url(client):
    told = client.json("/images")
    urls = [*told["images"], *told["refused"], told["numbered"]]
    urls += [fault["url"] for fault in told["faults"]]
    assert all(url.startswith("http://sandbox.test:8001/") for url in urls)
    assert len(told["images"]) == 8
    assert len(told["refused"]) == 3
    for url in urls:
        answer = client.answer("GET", url.removeprefix("http://sandbox.test:8001"))
        assert getattr(answer, "status", 200) != 404
    assert all(fault["effect"] for fault in told["faults"])


def test_the_page_says_what_it_is_and_runs_no_script(client):
    answer = client.get("/")
    text = answer.body.decode()
    policy = dict(answer.headers)["Content-Security-Policy"]
    assert "<h1>SANDBOX</h1>" in text
    assert "<script" not in text
    assert policy.startswith("default-src 'none'")
    style = re.search("<style>(.*)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    for name in images.ACCEPTED_NAMES + images.REFUSED_NAMES:
        assert f"/images/{name}" in text


@pytest.mark.parametrize("path", ["/", "/images", "/images/small.png", "/sandbox/health"])
def test_reading_paths_take_no_other_method(client, path):
    answer = client.answer("POST", path)
    assert answer.status == 405
    assert ("Allow", "GET, HEAD") in answer.headers
    assert client.answer("HEAD", path) is not None


def test_health(client):
    assert client.json("/sandbox/health") == {"status": "ok", "count": 0}


def test_no_link_repeats_a_name_of_imgurs(client):
    told = client.answer("GET", "/images", {"Host": "api.imgur.com"})
    assert b"http://own.test:8001/images/photo.jpg" in told.body
    assert b"imgur.com" not in told.body
