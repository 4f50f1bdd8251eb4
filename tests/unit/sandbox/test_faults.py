import gzip
import http.client
import time
from collections import Counter

import pytest

from sandbox import faults, images

SMALL = images.load("small.png").data
FIFTH = images.inscribe("png", "5.png").data
NUMBERED = "/images/numbered/5.png"


def location(answer):
    assert answer.status_code == 302
    return answer.headers["Location"]


@pytest.mark.parametrize(
    "path", ["x", "", "status/99", "status/1000", "status/abc", "latency/x/images/a.png", "htmlx"]
)
def test_other_faults_are_not_found(client, path):
    assert client.get(f"/faults/{path}").status_code == 404


@pytest.mark.parametrize("status", [200, 204, 301, 304, 404, 429, 500, 599])
def test_status(client, status):
    answer = client.get(f"/faults/status/{status}")
    assert answer.status_code == status
    assert answer.headers["X-Sandbox"]


def test_status_may_ask_to_wait(client):
    assert client.get("/faults/status/503?retry-after=7").headers["Retry-After"] == "7"
    assert "Retry-After" not in client.get("/faults/status/503?retry-after=x").headers


def test_a_status_without_content_has_no_body(client):
    data = client.raw("GET", "/faults/status/204")
    assert data.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Content-Length" not in data


@pytest.mark.parametrize(("name", "begin"), [("html", b"<!doctype html>"), ("empty", b"")])
def test_no_image_is_labelled_as_an_image(client, name, begin):
    answer = client.get(f"/faults/{name}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert answer.content[:15] == begin


def test_gzip(client):
    with client.ask("GET", "/faults/gzip" + NUMBERED, stream=True) as answer:
        packed = answer.raw.read(decode_content=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == FIFTH


def test_latency_delays_what_is_behind_it(client):
    began = time.monotonic()
    answer = client.get("/faults/latency/60/faults/latency/40/faults/status/418")
    assert answer.status_code == 418
    assert time.monotonic() - began > 0.09


def test_latency_delays_a_reset(client):
    with pytest.raises(ConnectionResetError):
        client.raw("GET", "/faults/latency/1/faults/reset")


def test_a_body_is_reset_in_its_middle(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.request("GET", "/faults/reset")
    answer = connection.getresponse()
    assert answer.getheader("Content-Length") == str(len(SMALL))
    assert answer.getheader("X-Sandbox")
    assert answer.read(len(SMALL) // 2) == SMALL[: len(SMALL) // 2]
    with pytest.raises(ConnectionResetError):
        answer.read()
    connection.close()


def test_a_short_body_ends_early(client):
    head, body = client.raw("GET", "/faults/short").split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(SMALL)}".encode() in head
    assert body == SMALL[: len(SMALL) // 2]


@pytest.mark.parametrize("name", ["drip", "drip-head"])
def test_drips_are_whole_in_the_end(client, name):
    assert client.get(f"/faults/{name}/0{NUMBERED}").content == FIFTH


def test_endless_goes_on_until_the_client_has_enough(client):
    data = client.raw("GET", "/faults/endless", most=3_000_000)
    assert len(data) >= 3_000_000
    head, body = data.split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding: chunked" in head
    assert body.startswith(b"%x\r\n\x89PNG" % len(SMALL))


def test_too_large_is_declared_and_sent(client):
    head, body = client.raw("GET", "/faults/too-large").split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(body)}".encode() in head
    assert len(body) > 20 * 1024 * 1024


@pytest.mark.parametrize("name", ["short", "endless", "too-large", "drip/0"])
def test_only_the_head_is_sent_to_who_asks_for_it(client, name):
    data = client.raw("HEAD", f"/faults/{name}")
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1


def test_redirects_lead_to_the_source_after_so_many_hops(client):
    path, hops = f"/faults/redirect/3{NUMBERED}", 0
    while (answer := client.get(path)).status_code == 302:
        path, hops = location(answer), hops + 1
    assert hops == 3
    assert answer.content == FIFTH


def test_a_redirect_keeps_the_query_of_the_source(client):
    path = "/faults/redirect/1/faults/status/503?retry-after=7&x=%0d%0a%20y"
    target = location(client.get(path))
    assert target == "/faults/redirect/0/faults/status/503?retry-after=7&x=%0D%0A%20y"
    assert client.get(target).headers["Retry-After"] == "7"


def test_a_redirect_keeps_line_breaks_out_of_its_header(client):
    assert location(client.get("/faults/redirect/1/a%0d%0aX:%20y")).endswith("/a%0D%0AX%3A%20y")
    assert client.get("/faults/redirect-to?url=http://x/%0d%0aX:y").status_code == 400


def test_a_redirect_loop_leads_to_itself(client):
    assert location(client.get("/faults/redirect-loop")) == "/faults/redirect-loop"


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "file:///etc/passwd"])
def test_a_redirect_may_lead_anywhere(client, url):
    assert location(client.get(f"/faults/redirect-to?url={url}")) == url


def test_a_flaky_source_works_in_the_end_and_for_each_key_alone(client):
    path = f"/faults/flaky/2/one{NUMBERED}"
    assert [client.get(path).status_code for _ in range(4)] == [503, 503, 200, 200]
    assert client.get(f"/faults/flaky/2/two{NUMBERED}").status_code == 503
    client.forget_uploads()
    assert client.get(path).status_code == 503


def test_what_is_counted_is_bounded(monkeypatch):
    monkeypatch.setattr(faults, "_MAX_KEYS", 10)
    met = Counter()
    assert [faults.count(met, "a"), faults.count(met, "a")] == [1, 2]
    for key in range(100):
        faults.count(met, key)
    assert len(met) <= 10
    assert faults.count(met, "a") == 1


def test_a_header_selects_a_fault_on_any_path(client):
    answer = client.get(NUMBERED, {"X-Sandbox-Fault": "status/503"})
    assert answer.status_code == 503
    slow = client.get(NUMBERED, {"X-Sandbox-Fault": "latency/1"})
    assert slow.content == FIFTH


def test_a_header_leaves_paths_that_name_a_fault_alone(client):
    first = client.get(NUMBERED, {"X-Sandbox-Fault": "redirect/1"})
    assert client.get(location(first), {"X-Sandbox-Fault": "redirect/1"}).status_code == 200


def test_faults_cannot_be_stacked_for_ever(client):
    assert client.get("/faults/latency/0" * 50).status_code == 400
