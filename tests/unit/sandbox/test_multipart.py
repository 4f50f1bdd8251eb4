import pytest

from sandbox.multipart import parse_multipart

KIND = "multipart/form-data; boundary=xyz"
BODY = (
    b"preamble\r\n--xyz\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\nA title\r\n--xyz\r\n'
    b'content-disposition: form-data; name="image"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--xy\r\n\x00\r\n--xyz\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\nAnother\r\n--xyz--\r\n'
)


def test_fields_and_files_are_told_apart():
    form = parse_multipart(KIND, BODY)
    assert set(form) == {"title", "image"}
    assert (form["title"].filename, form["title"].text()) == (None, "A title")
    assert form["image"].filename == "a.png"
    assert form["image"].data == b"\x89PNG\r\n--xy\r\n\x00"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ('multipart/form-data; boundary="xyz"', {"title", "image"}),
        ("Multipart/Form-Data; Boundary=xyz", {"title", "image"}),
        ("multipart/form-data", set()),
        ("multipart/form-data; boundary=other", set()),
        ("application/json", set()),
    ],
)
def test_the_boundary_comes_from_the_content_type(kind, names):
    assert set(parse_multipart(kind, BODY)) == names


@pytest.mark.parametrize("at", range(0, len(BODY), 11))
def test_a_body_that_breaks_off_has_only_whole_fields(at):
    form = parse_multipart(KIND, BODY[:at])
    whole = parse_multipart(KIND, BODY)
    assert all(whole[name] == part for name, part in form.items())


def test_an_empty_file_is_a_field():
    body = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n\r\n--xyz--'
    assert parse_multipart(KIND, body)["image"].data == b""


def test_fields_without_a_name_and_beyond_the_limit_are_left_out():
    part = b'--xyz\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n'
    body = b"--xyz\r\nContent-Disposition: form-data\r\n\r\n1\r\n"
    body += b"".join(part % number for number in range(100)) + b"--xyz--"
    assert len(parse_multipart(KIND, body)) == 49
