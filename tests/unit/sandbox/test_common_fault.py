"""A fault of all uploads, set with the key."""

import pytest

from sandbox.images import load
from tests.unit.sandbox.conftest import KEY, Client

FAULT = f"/sandbox/imgur?key={KEY}"


@pytest.mark.parametrize(
    ("fault", "status", "says"),
    [
        ("403-capacity", 403, "over capacity"),
        ("503", 503, "over capacity"),
        ("403-client", 403, "Invalid client_id"),
        ("400-forbidden", 400, "forbidden"),
        ("417", 417, "expectation"),
        ("429-full", 429, "Too Many Requests"),
        ("429-daily", 429, "Daily client requests exceeded"),
    ],
)
def test_all_uploads_fail_until_the_fault_is_removed(
    client: Client, fault: str, status: int, says: str
) -> None:
    image = load("small.png").data
    assert client.ask("PUT", f"{FAULT}&fault={fault}").json() == {"fault": fault}
    try:
        for _ in range(2):
            answer = client.upload(image)
            assert answer.status_code == status
            assert says in answer.text
    finally:
        assert client.ask("DELETE", FAULT).json() == {"fault": None}
    assert client.upload(image).status_code == 200


def test_counters_are_nearly_full_or_used_up(client: Client) -> None:
    image = load("small.png").data
    left = {}
    for fault in ("429-full", "429-daily-7"):
        client.ask("PUT", f"{FAULT}&fault={fault}")
        left[fault] = client.upload(image).headers
        client.ask("DELETE", FAULT)
    assert left["429-full"]["X-RateLimit-ClientRemaining"] == "12490"
    assert left["429-daily-7"]["X-RateLimit-ClientRemaining"] == "0"
    assert left["429-daily-7"]["X-RateLimit-ClientReset"] == "7"


def test_an_unknown_one_is_refused_with_a_list(client: Client) -> None:
    answer = client.ask("PUT", f"{FAULT}&fault=gloom")
    assert answer.status_code == 400
    assert "403-capacity" in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_key_is_needed(client: Client, method: str) -> None:
    assert client.ask(method, "/sandbox/imgur?key=wrong&fault=503").status_code == 403
