import base64
import hashlib
import re

import pytest

from sandbox import images


@pytest.mark.parametrize("name", images.ACCEPTED_NAMES + images.REFUSED_NAMES)
def test_samples_are_served_with_their_type(client, name):
    answer = client.get(f"/images/{name}")
    sample = images.load(name)
    assert (answer.status_code, answer.content) == (200, sample.data)
    assert answer.headers["Content-Type"] == sample.media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cache-Control" in answer.headers


def test_numbered_images_differ_and_can_be_padded(client):
    first, second = (client.get(f"/images/numbered/{n}.jpg?bytes=68000").content for n in (1, 2))
    assert first != second
    assert abs(len(first) - 68_000) < 100


@pytest.mark.parametrize(
    "path",
    [
        "/images/", "/images/nothing.png", "/images/numbered/", "/images/numbered/1.tiff",
        "/images/numbered/17", "/images/numbered/a%20b.png", "/images/numbered/.png",
        f"/images/numbered/{'x' * 90}.png", "/images/numbered/..%2F1.png",
        "/images/imgur-fault/nothing.png", "/images/imgur-fault/503.tiff", "/nothing",
        "/sandbox/nothing",
    ],
)  # fmt: skip
def test_the_rest_is_not_found(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.text.endswith(".\n")
    assert answer.headers["X-Sandbox"]


@pytest.mark.parametrize("text", ["x", "-1", "1e9", "9999999999"])
def test_a_bad_size_is_refused(client, text):
    assert client.get(f"/images/numbered/1.png?bytes={text}").status_code == 400


def test_images_with_a_fault_differ_by_key(client):
    one, two = (client.get(f"/images/imgur-fault/503~1/{key}.png").content for key in "ab")
    assert one != two
    statuses = [client.upload(image).status_code for image in (one, two, one, two)]
    assert statuses == [503, 503, 200, 200]


def test_the_listing_names_everything_by_absolute_url(client):
    told = client.get("/images").json()
    urls = [*told["images"], *told["refused"], told["numbered"]]
    urls += [fault["url"] for fault in told["faults"]]
    assert all(url.startswith("http://sandbox.test:8001/") for url in urls)
    assert len(told["images"]) == 11
    assert len(told["refused"]) == 4
    for url in urls:
        begin = client.raw("GET", url.removeprefix("http://sandbox.test:8001"), most=1)
        assert not begin.startswith(b"HTTP/1.1 404")
    assert all(fault["effect"] for fault in told["faults"])


def test_the_page_says_what_it_is_and_runs_no_script(client):
    answer = client.get("/")
    text = answer.text
    policy = answer.headers["Content-Security-Policy"]
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
    answer = client.ask("POST", path)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}
    assert client.ask("HEAD", path).status_code == 200


def test_health(client):
    assert client.get("/sandbox/health").json() == {"status": "ok", "count": 0}


def test_no_link_repeats_a_name_of_imgurs(client):
    told = client.get("/images", {"Host": "api.imgur.com"}).text
    assert "http://own.test:8001/images/photo.jpg" in told
    assert "imgur.com" not in told
