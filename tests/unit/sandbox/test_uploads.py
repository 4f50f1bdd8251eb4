import hashlib
import json

import pytest

from sandbox.http_message import RequestError
from sandbox.image_header import ImageHeader
from sandbox.uploads import _TRIMMED_TOGETHER, Uploads

HEADER = ImageHeader("image/png", "png", 1, 1)


def add(uploads, image, name=None):
    return uploads.add(image, hashlib.sha256(image).digest(), HEADER, name)


def file_name(upload):
    return upload.link("http://x").rpartition("/")[2]


def test_an_upload_is_served_at_its_link():
    uploads = Uploads()
    upload = add(uploads, b"image")
    assert upload.link("http://x").startswith("http://x/sandbox/sbx-")
    response = uploads.serve(file_name(upload))
    assert (response.status, response.body, response.media_type) == (200, b"image", "image/png")
    assert ("X-Content-Type-Options", "nosniff") in response.headers


def test_identical_images_get_links_of_their_own():
    uploads = Uploads(max_bytes=10)
    links = {add(uploads, b"12345678").link("") for _ in range(5)}
    assert len(links) == 5
    assert all(uploads.serve(link.rpartition("/")[2]).status == 200 for link in links)


def test_only_the_newest_bytes_are_kept():
    uploads = Uploads(max_bytes=10)
    old, again, new = add(uploads, b"1111"), add(uploads, b"2222"), add(uploads, b"1111")
    third = add(uploads, b"3333")
    statuses = [uploads.serve(file_name(upload)).status for upload in (old, again, new, third)]
    assert statuses == [200, 410, 200, 200]
    assert uploads.count == 4


def test_deleting_takes_the_right_hash_and_works_once():
    uploads = Uploads()
    upload, other = add(uploads, b"a"), add(uploads, b"b")
    assert not uploads.delete(upload.image_id)
    assert not uploads.delete(upload.image_id + "-" + other.deletehash.rpartition("-")[2])
    assert uploads.delete(upload.deletehash)
    assert not uploads.delete(upload.deletehash)
    assert uploads.serve(file_name(upload)).status == 404
    assert uploads.serve(file_name(other)).status == 200


@pytest.mark.parametrize("name", ["", "x.png", "sbx-0000-1.png", "sbx-.png", "sbx-1-²"])
def test_what_was_never_issued_is_not_found(name):
    assert Uploads().serve(name).status == 404


def test_numbers_beyond_those_issued_are_not_found():
    uploads = Uploads()
    prefix = add(uploads, b"a").image_id.rpartition("-")[0]
    statuses = [uploads.serve(f"{prefix}-{number}.png").status for number in ("0", "1", "2", "²")]
    assert statuses == [404, 200, 404, 404]


def test_records_are_bounded_but_counted():
    uploads = Uploads(max_records=10)
    first = add(uploads, b"a")
    for _ in range(_TRIMMED_TOGETHER + 15):
        last = add(uploads, b"a")
    assert uploads.count == _TRIMMED_TOGETHER + 16
    assert len(uploads._records) <= _TRIMMED_TOGETHER + 10
    assert uploads.serve(file_name(first)).status == 410
    assert uploads.serve(file_name(last)).status == 200


def test_forgetting_starts_the_count_afresh_and_kills_old_links():
    uploads = Uploads()
    old = add(uploads, b"a")
    uploads.forget_all()
    new = add(uploads, b"b")
    assert uploads.count == 1
    assert uploads.serve(file_name(old)).status == 410
    assert uploads.serve(file_name(new)).body == b"b"


def test_the_listing_can_be_paged():
    uploads = Uploads()
    for number in range(25):
        add(uploads, b"%d" % number, f"{number}.png")
    pages = [
        json.loads(uploads.listing({"start": str(start), "limit": "10"}, "http://x").body)
        for start in (0, 10, 20, 30)
    ]
    names = [upload["name"] for page in pages for upload in page["uploads"]]
    assert names == [f"{number}.png" for number in range(25)]
    assert {page["count"] for page in pages} == {25}
    assert pages[0]["uploads"][3]["digest"] == hashlib.sha256(b"3").hexdigest()


@pytest.mark.parametrize("query", [{"start": "-1"}, {"limit": "ten"}, {"start": "²"}])
def test_a_bad_page_is_refused(query):
    with pytest.raises(RequestError):
        Uploads().listing(query, "")


def test_a_hundred_thousand_uploads_can_be_listed():
    uploads = Uploads()
    for number in range(100_000):
        uploads.add(b"x", number.to_bytes(32), HEADER, None)
    content = json.loads(uploads.listing({}, "http://x").body)
    assert content["count"] == len(content["uploads"]) == 100_000
