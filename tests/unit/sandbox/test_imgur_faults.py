import pytest
import requests

from sandbox import images
from sandbox.imgur_answers import KINDS, parse_upload_fault

SMALL = images.inscribe("png", "1.png").data


def faulty(name, key=""):
    return images.inscribe("png", f"fault {name}{key}").data


def reset_of(answer):
    headers = answer.headers
    assert headers["X-Post-Rate-Limit-Remaining"] == headers["X-RateLimit-UserRemaining"] == "0"
    assert headers["X-Post-Rate-Limit-Reset"] == headers["X-RateLimit-UserReset"]
    return int(headers["X-Post-Rate-Limit-Reset"])


SHAPES = {
    "429-string": (429, '"error":"Daily client requests exceeded"'),
    "429-object": (429, '"message":"You are uploading too fast. Please wait 1 more seconds."'),
    "429-errors": (429, '{"errors":[{'),
    "429-html": (429, "Imgur is over capacity!"),
    "too-fast-400": (400, "Uploading file too fast!"),
    "403-capacity": (403, "over capacity"),
    "403-forbidden": (403, "These actions are forbidden."),
    "400-forbidden": (400, "These actions are forbidden."),
    "401": (401, "Authentication required"),
    "500": (500, "Internal server error"),
    "502-html": (502, "<h1>502 Bad Gateway</h1>"),
    "503": (503, "over capacity"),
    "bad-json": (200, '{"data":{"id":"sbx-'),
    "html-200": (200, "<html>"),
    "no-link": (200, '"success":true'),
    "429-full": (429, '"code":"429"'),
    "429-daily": (429, "Daily client requests exceeded"),
    "403-client": (403, "Invalid client_id"),
    "417": (417, "Internal expectation failed"),
    "file-type-invalid": (400, '"code":1003'),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("way", ["path", "comment", "header"])
def test_each_fault_has_its_shape_and_keeps_nothing(client, name, way):
    if way == "path":
        answer = client.upload(SMALL, path=f"/faults/imgur/{name}/3/image")
    elif way == "comment":
        answer = client.upload(faulty(name))
    else:
        answer = client.upload(SMALL, headers={"X-Sandbox-Fault": f"imgur/{name}"})
    status, excerpt = SHAPES[name]
    assert answer.status_code == status
    assert excerpt in answer.text
    kind = "text/html; charset=utf-8" if "html" in name else "application/json"
    assert answer.headers["Content-Type"] == kind
    told = client.uploads()
    assert (told["count"], told["attempts"]) == (0, 1)


def test_every_kind_is_tested():
    assert set(SHAPES) | {"latency", "reset", "drip", "altered"} == set(KINDS)


def test_an_altered_image_is_stored_and_told_as_another(client):
    image = faulty("altered")
    data = client.upload(image).json()["data"]
    assert (data["type"], data["size"]) == ("image/jpeg", len(image) // 2)
    assert client.uploads()["count"] == 1


@pytest.mark.parametrize(
    "name", ["429-string", "429-object", "429-errors", "429-html", "too-fast-400"]
)
@pytest.mark.parametrize(("suffix", "seconds"), [("", 1), ("-7", 7), ("-90~1", 90)])
def test_rate_limits_tell_their_reset_in_seconds(client, name, suffix, seconds):
    assert reset_of(client.upload(faulty(name + suffix))) == seconds


@pytest.mark.parametrize(
    ("text", "kind", "amount", "first"),
    [
        ("503", "503", 0, None),
        ("401~2", "401", 0, 2),
        ("latency-250", "latency", 250, None),
        ("429-object-5~3", "429-object", 5, 3),
        ("too-fast-400", "too-fast-400", 1, None),
        ("too-fast-400-8", "too-fast-400", 8, None),
    ],
)
def test_names_are_read(text, kind, amount, first):
    fault = parse_upload_fault(text)
    assert (fault.name, fault.amount, fault.first) == (kind, amount, first)


@pytest.mark.parametrize("text", ["", "x", "503-5", "429-object-x", "503~x", "503~-1", "-5", "~1"])
def test_other_names_are_no_faults(text):
    assert parse_upload_fault(text) is None


def test_an_image_meets_its_fault_the_first_few_times(client):
    statuses = [client.upload(faulty("503~2")).status_code for _ in range(4)]
    assert statuses == [503, 503, 200, 200]
    other = [client.upload(faulty("503~2", " other")).status_code for _ in range(3)]
    assert other == [503, 503, 200]
    names = [upload["name"] for upload in client.uploads()["uploads"]]
    assert names == ["fault 503~2"] * 2 + ["fault 503~2 other"]


def test_a_path_counts_all_uploads_together(client):
    path = "/faults/imgur/500~2/3/image"
    sent = [images.inscribe("png", f"{number}.png").data for number in range(4)]
    statuses = [client.upload(image, path=path).status_code for image in sent]
    assert statuses == [500, 500, 200, 200]
    client.forget_uploads()
    assert client.upload(SMALL, path=path).status_code == 500


def test_other_calls_below_a_fault_work(client):
    answer = client.get("/faults/imgur/503/3/credits", {"Authorization": "Client-ID x"})
    assert answer.status_code == 200
    assert client.get("/faults/imgur/nothing/3/credits").status_code == 404


def test_latency_is_a_late_success(client):
    assert client.upload(faulty("latency-5")).status_code == 200
    assert client.uploads()["count"] == 1


def test_a_drip_ends_with_the_whole_answer(client):
    answer = client.upload(faulty("drip-0"))
    assert answer.status_code == 200
    assert answer.json()["data"]["link"]
    assert answer.headers["X-Sandbox"]


def test_a_reset_says_nothing_and_keeps_nothing(client):
    with pytest.raises(requests.ConnectionError):
        client.upload(faulty("reset"))
    assert client.uploads()["count"] == 0


def test_faults_of_path_and_image_meet_one_after_the_other(client):
    path = "/faults/imgur/503~1/3/image"
    statuses = [client.upload(faulty("500~1"), path=path).status_code for _ in range(3)]
    assert statuses == [503, 500, 200]
    with pytest.raises(requests.ConnectionError):
        client.upload(faulty("reset"), path="/faults/imgur/drip-0/3/image")
