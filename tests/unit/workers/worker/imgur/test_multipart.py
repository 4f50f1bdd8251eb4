import email
import email.policy
import io
import tracemalloc
from email.message import EmailMessage
from typing import BinaryIO, cast

import pytest

from workers.worker.imgur.multipart import CHUNK_BYTES, Form, encoded_form, image_form


def whole(form: Form) -> bytes:
    return b"".join(form.body)


def parts(form: Form, body: bytes) -> list[EmailMessage]:
    """The standard library's reading of the form."""
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    assert not message.defects
    return cast("list[EmailMessage]", list(message.iter_parts()))


def pattern(size: int) -> bytes:
    return (bytes(range(256)) * (size // 256 + 1))[:size]


@pytest.mark.parametrize("size", [1, 68 * 1024, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17])
def test_a_form_reads_back_as_it_was_made(size: int) -> None:
    data = pattern(size)
    fields = {"type": "file", "album": "aBc12"}
    form = image_form(io.BytesIO(data), size, "image/png", "image.png", fields)
    body = whole(form)
    kind, album, image = parts(form, body)
    assert len(body) == form.length
    assert (kind.get_param("name", header="content-disposition"), kind.get_content()) == (
        "type",
        "file",
    )
    assert album.get_param("name", header="content-disposition") == "album"
    assert album.get_content() == "aBc12"
    assert image.get_param("name", header="content-disposition") == "image"
    assert image.get_filename() == "image.png"
    assert image.get_content_type() == "image/png"
    assert image.get_content() == data


def test_the_bytes_are_those_of_rfc_7578() -> None:
    form = image_form(io.BytesIO(b"\x00GIF"), 4, "image/gif", "a.gif", {"type": "file"})
    boundary = form.content_type.removeprefix("multipart/form-data; boundary=").encode()
    assert whole(form) == (
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="type"\r\n\r\nfile\r\n'
        b"--" + boundary + b"\r\n"
        b'Content-Disposition: form-data; name="image"; filename="a.gif"\r\n'
        b"Content-Type: image/gif\r\n\r\n\x00GIF\r\n"
        b"--" + boundary + b"--\r\n"
    )


def test_each_form_has_a_boundary_of_its_own() -> None:
    made = {image_form(io.BytesIO(b"x"), 1, "a/b", "n", {}).content_type for _ in range(100)}
    assert len(made) == 100


def test_names_cannot_end_the_header_early() -> None:
    form = image_form(io.BytesIO(b"x"), 1, "a/b\r\nX: y", 'a"\r\nEvil: 1', {'n"\r\n': "v"})
    body = whole(form)
    assert b"\r\nEvil" not in body
    assert b"\r\nX: y" not in body
    assert b'filename="a%22%0D%0AEvil: 1"' in body
    assert b'name="n%22%0D%0A"' in body


@pytest.mark.parametrize("size", [10, CHUNK_BYTES + 1])
def test_the_file_is_read_from_its_beginning(size: int) -> None:
    file = io.BytesIO(pattern(size))
    file.seek(0, io.SEEK_END)
    assert pattern(size) in whole(image_form(file, size, "a/b", "n", {}))


def test_no_more_is_sent_than_was_said() -> None:
    body = whole(image_form(io.BytesIO(b"0123456789"), 4, "a/b", "n", {}))
    assert b"\r\n\r\n0123\r\n--" in body


@pytest.mark.parametrize("size", [10, CHUNK_BYTES + 1])
def test_a_file_shorter_than_was_said_is_an_error(size: int) -> None:
    with pytest.raises(ValueError, match="ends before"):
        whole(image_form(io.BytesIO(pattern(size - 1)), size, "a/b", "n", {}))


class Zeros(io.RawIOBase):
    """A large file that takes no memory."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def test_a_large_file_is_never_held_whole() -> None:
    form = image_form(cast("BinaryIO", Zeros()), 50_000_000, "a/b", "n", {})
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in form.body) == form.length
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_form_does_not_show_its_body() -> None:
    assert "s3cret" not in repr(encoded_form([("client_secret", "s3cret")]))
