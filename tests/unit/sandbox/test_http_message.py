import json

import pytest

from sandbox.http_message import (
    Request,
    RequestError,
    Response,
    head_of,
    json_response,
    parse_form,
    parse_head,
)


def head(text):
    return text.replace("\n", "\r\n").encode("latin-1")


def test_a_request_head_is_read():
    request = parse_head(head("GET /a%20b?x=1&y=a+b&x=2 HTTP/1.1\nHost: h\nX-Thing:  some\t\n\n"))
    assert (request.method, request.path, request.keep_alive) == ("GET", "/a b", True)
    assert request.query == {"x": "1", "y": "a b"}
    assert request.headers == {"host": "h", "x-thing": "some"}


def test_an_absolute_target_is_read_as_its_path():
    assert parse_head(head("GET http://other/x?y=1 HTTP/1.1\n\n")).path == "/x"


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("GET / HTTP/1.1\n\n", True),
        ("GET / HTTP/1.1\nConnection: Close\n\n", False),
        ("GET / HTTP/1.0\n\n", False),
        ("GET / HTTP/1.0\nConnection: keep-alive\n\n", False),
    ],
    ids=["1.1", "close", "1.0", "1.0 keep-alive"],
)
def test_connections_are_kept_as_the_version_says(text, keep):
    assert parse_head(head(text)).keep_alive is keep


@pytest.mark.parametrize(
    "text",
    [
        "GET /\n\n",
        "GET / HTTP/2.0\n\n",
        "GET  / HTTP/1.1\n\n",
        "GET nothing HTTP/1.1\n\n",
        "GET ftp://host/ HTTP/1.1\n\n",
        "\n\n",
        "GET / HTTP/1.1\nno colon\n\n",
        "GET / HTTP/1.1\nbad name: x\n\n",
        "GET / HTTP/1.1\n folded: x\n\n",
        "GET / HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n",
        "GET / HTTP/1.1\n" + "X: y\n" * 101 + "\n",
        "GET /?" + "a=1&" * 101 + " HTTP/1.1\n\n",
    ],
    ids=[
        "no version", "version 2", "two spaces", "no path", "other scheme", "empty line",
        "no colon", "space in name", "folded line", "length twice", "too many fields",
        "too many parameters",
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(text):
    with pytest.raises(RequestError):
        parse_head(head(text))


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("[::1]:8001", "http://[::1]:8001"),
        ("sandbox", "http://sandbox"),
        ("", "http://own"),
        ("a b", "http://own"),
        ("x/y", "http://own"),
        ("api.imgur.com", "http://own"),
        ("i.ImgUr.com:80", "http://own"),
    ],
)
def test_links_lead_where_the_client_came_from_but_never_to_imgur(host, base):
    assert Request("GET", "/", {}, {"host": host}, keep_alive=True).base_url("http://own") == base


def test_a_response_is_one_message_with_its_length():
    response = json_response(404, {"a": "ä"}, (("X-More", "1"),))
    top, body = response.encode().split(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 404 Not Found"
    assert lines[1].startswith("X-Sandbox: ")
    assert f"Content-Length: {len(body)}" in lines
    assert "X-More: 1" in lines
    assert json.loads(body) == {"a": "ä"}


def test_a_head_answer_has_the_length_but_no_body():
    encoded = Response(200, b"12345", "text/plain").encode(keep_alive=False, with_body=False)
    assert encoded.endswith(b"Connection: close\r\n\r\n")
    assert b"Content-Length: 5\r\n" in encoded


def test_an_unusual_status_has_a_phrase():
    assert head_of(599, ()).startswith(b"HTTP/1.1 599 Unknown\r\n")


def test_a_form_takes_the_first_of_a_repeated_name():
    assert parse_form("a=1&b=&a=2&c=%41") == {"a": "1", "b": "", "c": "A"}
    assert parse_form("") == {}
