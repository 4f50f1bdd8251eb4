import gzip
import time

import pytest

from sandbox import images
from sandbox.answers import Later, Performance
from sandbox.faults import FAULTS
from sandbox.http_message import RequestError

SMALL = images.named("small.png").data
NUMBERED = "/images/numbered/5.png"


@pytest.fixture(autouse=True)
def drawn(client):
    """The default source has been drawn, so that it is at hand."""
    client.get("/images/small.png")


def location(answer):
    assert answer.status == 302
    return dict(answer.headers)["Location"]


def test_every_example_of_the_gallery_is_answered(client):
    for fault in FAULTS:
        answer = client.answer("GET", f"/faults/{fault.example}")
        assert isinstance(answer, Later | Performance) or answer.status != 404, fault.example


@pytest.mark.parametrize(
    "path",
    ["x", "", "status/99", "status/1000", "status/abc", "latency/x/images/small.png", "htmlx"],
)
def test_other_faults_are_not_found(client, path):
    assert client.get(f"/faults/{path}").status == 404


@pytest.mark.parametrize("status", [200, 301, 404, 429, 500, 599])
def test_status(client, status):
    assert client.get(f"/faults/status/{status}").status == status


def test_status_may_ask_to_wait(client):
    answer = client.get("/faults/status/503?retry-after=7")
    assert ("Retry-After", "7") in answer.headers
    assert client.get("/faults/status/503?retry-after=x").headers == ()


def test_a_status_without_content_has_no_body(client, played):
    data = played(client.answer("GET", "/faults/status/204")).data
    assert data.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Content-Length" not in data


def test_a_page_is_labelled_as_an_image(client):
    answer = client.get("/faults/html")
    assert (answer.status, answer.media_type) == (200, "image/jpeg")
    assert answer.body.startswith(b"<!doctype html>")


def test_empty(client):
    answer = client.get("/faults/empty")
    assert (answer.status, answer.body) == (200, b"")


def test_gzip(client):
    answer = client.get("/faults/gzip" + NUMBERED)
    assert ("Content-Encoding", "gzip") in answer.headers
    assert gzip.decompress(answer.body) == images.numbered("5.png").data


def test_latency_delays_what_is_behind_it(client, finished):
    answer = client.answer("GET", "/faults/latency/60/faults/latency/40/faults/status/418")
    assert isinstance(answer, Later)
    began = time.monotonic()
    assert finished(answer).status == 418
    assert time.monotonic() - began > 0.09


def test_latency_delays_a_performance(client, played):
    wire = played(client.answer("GET", "/faults/latency/1/faults/reset"))
    assert wire.was_reset


def test_a_body_is_reset_in_its_middle(client, played):
    wire = played(client.answer("GET", "/faults/reset"))
    head, body = wire.data.split(b"\r\n\r\n", 1)
    assert wire.was_reset
    assert f"Content-Length: {len(SMALL)}".encode() in head
    assert body == SMALL[: len(SMALL) // 2]


def test_a_short_body_ends_early(client, played):
    wire = played(client.answer("GET", "/faults/short"))
    head, body = wire.data.split(b"\r\n\r\n", 1)
    assert not wire.was_reset
    assert f"Content-Length: {len(SMALL)}".encode() in head
    assert body == SMALL[: len(SMALL) // 2]


@pytest.mark.parametrize("name", ["drip", "drip-head"])
def test_drips_are_whole_in_the_end(client, played, name):
    wire = played(client.answer("GET", f"/faults/{name}/0{NUMBERED}"))
    assert wire.data.split(b"\r\n\r\n", 1)[1] == images.numbered("5.png").data


def test_endless_goes_on_until_the_client_has_enough(client, played):
    data = played(client.answer("GET", "/faults/endless"), most=3_000_000).data
    assert len(data) > 3_000_000
    head, body = data.split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding: chunked" in head
    assert body.startswith(b"%x\r\n\x89PNG" % len(SMALL))


def test_too_large_is_declared_and_sent(client, played):
    head, body = played(client.answer("GET", "/faults/too-large")).data.split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(body)}".encode() in head
    assert len(body) > 20 * 1024 * 1024


@pytest.mark.parametrize("name", ["reset", "short", "endless", "too-large", "drip/0"])
def test_only_the_head_is_sent_to_who_asks_for_it(client, played, name):
    data = played(client.answer("HEAD", f"/faults/{name}")).data
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1


def test_redirects_lead_to_the_source_after_so_many_hops(client):
    path, hops = f"/faults/redirect/3{NUMBERED}", 0
    while (answer := client.get(path)).status == 302:
        path, hops = location(answer), hops + 1
    assert hops == 3
    assert answer.body == images.numbered("5.png").data


def test_a_redirect_keeps_line_breaks_out_of_its_header(client):
    assert location(client.get("/faults/redirect/1/a%0d%0aX:%20y")).endswith("/a%0D%0AX%3A%20y")
    assert client.get("/faults/redirect-to?url=http://x/%0d%0aX:y").status == 400


def test_a_redirect_loop_leads_to_itself(client):
    assert location(client.get("/faults/redirect-loop")) == "/faults/redirect-loop"


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "file:///etc/passwd"])
def test_a_redirect_may_lead_anywhere(client, url):
    assert location(client.get(f"/faults/redirect-to?url={url}")) == url


def test_a_flaky_source_works_in_the_end_and_for_each_key_alone(client):
    path = f"/faults/flaky/2/one{NUMBERED}"
    assert [client.get(path).status for _ in range(4)] == [503, 503, 200, 200]
    assert client.get(f"/faults/flaky/2/two{NUMBERED}").status == 503
    client.answer("DELETE", "/sandbox/uploads")
    assert client.get(path).status == 503


def test_flaky_keys_are_bounded(client):
    for key in range(10_050):
        client.answer("GET", f"/faults/flaky/1/{key}/images/small.png")
    assert client.get("/faults/flaky/1/10049/images/small.png").status == 200
    assert client.get("/faults/flaky/1/0/images/small.png").status == 503


def test_a_header_selects_a_fault_on_any_path(client):
    answer = client.get(NUMBERED, {"X-Sandbox-Fault": "status/503"})
    assert answer.status == 503
    slow = client.answer("GET", NUMBERED, {"X-Sandbox-Fault": "latency/1"})
    assert isinstance(slow, Later)


def test_a_header_leaves_paths_that_name_a_fault_alone(client):
    first = client.get(NUMBERED, {"X-Sandbox-Fault": "redirect/1"})
    assert client.get(location(first), {"X-Sandbox-Fault": "redirect/1"}).status == 200


def test_faults_cannot_be_stacked_for_ever(client):
    with pytest.raises(RequestError):
        client.get("/faults/latency/0" * 50)
