import hashlib

import pytest
from aiohttp import web

from sandbox.uploads import ImageHeader, Upload, Uploads

HEADER = ImageHeader("image/png", 1, 1)


def add(uploads, image, name=None):
    upload = Upload(hashlib.sha256(image).digest(), name, len(image), HEADER)
    uploads.keep(upload, image)
    return upload


def file_name(upload):
    return upload.link("http://x").rpartition("/")[2]


def found(uploads, upload):
    try:
        return uploads.serve(file_name(upload)).body
    except web.HTTPNotFound:
        return None


def test_an_upload_is_served_at_its_link():
    uploads = Uploads()
    upload = add(uploads, b"image")
    assert upload.link("http://x").startswith("http://x/sandbox/sbx-")
    response = uploads.serve(file_name(upload))
    assert (response.status, response.body) == (200, b"image")
    assert response.content_type == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_jpeg_has_its_usual_extension():
    upload = Upload(b"", None, 0, ImageHeader("image/jpeg", 1, 1))
    assert upload.link("http://x").endswith(".jpg")


def test_identical_images_get_links_of_their_own():
    uploads = Uploads(max_bytes=10)
    links = [add(uploads, b"12345678") for _ in range(5)]
    assert len({upload.link("") for upload in links}) == 5
    assert all(found(uploads, upload) == b"12345678" for upload in links)


def test_only_the_newest_bytes_are_kept():
    uploads = Uploads(max_bytes=10)
    added = [add(uploads, image) for image in (b"1111", b"2222", b"1111", b"3333")]
    kept = [found(uploads, upload) for upload in added]
    assert kept == [b"1111", None, b"1111", b"3333"]
    assert uploads.count == 4


def test_an_image_is_found_by_its_deletehash_until_it_is_deleted():
    uploads = Uploads()
    upload, other = add(uploads, b"a"), add(uploads, b"b")
    for wrong in ("", upload.id, f"{upload.id}-{other.secret}"):
        assert uploads.of_deletehash(wrong) is None
    assert uploads.of_deletehash(upload.deletehash) is upload
    upload.deleted = True
    assert uploads.of_deletehash(upload.deletehash) is None
    assert found(uploads, upload) is None
    assert found(uploads, other) == b"b"


@pytest.mark.parametrize("name", ["", "x.png", "sbx-0000-1.png", "sbx-.png", "sbx-1-²"])
def test_what_was_never_issued_is_not_found(name):
    with pytest.raises(web.HTTPNotFound):
        Uploads().serve(name)


def test_records_are_bounded_but_counted():
    uploads = Uploads(max_records=10)
    added = [add(uploads, b"a") for _ in range(25)]
    assert uploads.count == 25
    assert len(uploads.listing("")["uploads"]) == 10
    assert found(uploads, added[0]) is None
    assert found(uploads, added[-1]) == b"a"


def test_a_reset_starts_the_count_afresh_and_kills_old_links():
    uploads = Uploads()
    old = add(uploads, b"a")
    uploads.reset()
    new = add(uploads, b"b")
    assert uploads.count == 1
    assert found(uploads, old) is None
    assert found(uploads, new) == b"b"


def test_the_listing_is_in_the_order_of_upload():
    uploads = Uploads()
    names = [f"{number}.png" for number in range(25)]
    for name in names:
        add(uploads, name.encode(), name)
    told = uploads.listing("http://x")
    assert told["count"] == 25
    assert [upload["name"] for upload in told["uploads"]] == names
    assert told["uploads"][3]["digest"] == hashlib.sha256(b"3.png").hexdigest()
    assert told["uploads"][3]["link"].startswith("http://x/sandbox/sbx-")
