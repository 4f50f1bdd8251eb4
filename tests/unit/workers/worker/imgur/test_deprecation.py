"""Announcements of the end of an API call."""

import io
from collections.abc import Callable

import pytest
import requests_mock
import structlog

from tests.clock import Clock
from workers.contract.imgur_access import ImgurAccess
from workers.worker.imgur.client import ImgurClient
from workers.worker.imgur.deprecation import DeprecationLog

API = "https://api.imgur.com"
SUNSET = "Sat, 31 Dec 2026 23:59:59 GMT"
DAY = 86_400.0


def read(log: DeprecationLog, call: str = "POST /3/image", **headers: str) -> list[dict[str, str]]:
    with structlog.testing.capture_logs() as events:
        log.read(call, headers, ("s3cret",))
    return [{**event} for event in events]


def test_an_announcement_is_one_warning() -> None:
    assert read(DeprecationLog(Clock()), Sunset=SUNSET) == [
        {
            "event": "Imgur announces the end of an API call",
            "log_level": "warning",
            "call": "POST /3/image",
            "header": "Sunset",
            "value": SUNSET,
        }
    ]


def test_it_is_told_once_a_day() -> None:
    clock = Clock()
    log = DeprecationLog(clock)
    told = []
    for hours in range(0, 49, 3):
        clock.now = 1000.0 + hours * 3600
        if read(log, Sunset=SUNSET):
            told.append(hours)
    assert told == [0, 24, 48]


def test_each_header_value_and_call_is_told_of() -> None:
    log = DeprecationLog(Clock())
    both = read(log, Sunset=SUNSET, Deprecation="@1767225600")
    assert [event["header"] for event in both] == ["Deprecation", "Sunset"]
    assert read(log, Sunset=SUNSET, Deprecation="@1767225600") == []
    assert len(read(log, Sunset=SUNSET, Deprecation="@1767225601")) == 1
    assert len(read(log, "POST /oauth2/token", Sunset=SUNSET)) == 1
    assert read(log, Other="x") == []


def test_the_value_is_fit_to_be_shown() -> None:
    (event,) = read(DeprecationLog(Clock()), Sunset="a\r\nb\x1b[31m\u202e s3cret " + "x" * 5000)
    assert event["value"].startswith("a b [31m *** xxx")
    assert len(event["value"]) < 250


def test_values_without_end_fill_neither_log_nor_memory() -> None:
    clock = Clock()
    log = DeprecationLog(clock)
    assert sum(len(read(log, Sunset=str(n))) for n in range(1000)) == 100
    clock.now += DAY
    assert len(read(log, Sunset=SUNSET)) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
def test_every_call_of_the_api_is_looked_at(
    make_client: Callable[..., ImgurClient], api: requests_mock.Adapter, status: int
) -> None:
    headers = {"sunset": SUNSET + " the-client-id dEl"}
    stored = {"data": {"link": "https://i.imgur.com/a.jpg"}, "success": status == 200}
    token = {"access_token": "t1", "expires_in": 3600}
    api.register_uri("POST", f"{API}/oauth2/token", json=token, headers=headers)
    api.register_uri("POST", f"{API}/3/image", json=stored, headers=headers, status_code=status)
    api.register_uri(
        "DELETE", f"{API}/3/image/dEl", json={"success": True}, headers=headers, status_code=status
    )
    account = ImgurAccess(API, "the-client-id", "the-secret", "the-refresh-token")
    client = make_client(account)

    def attempt(call: Callable[[], object]) -> None:
        if status == 200:
            call()
        else:
            with pytest.raises(Exception, match="Imgur"):
                call()

    with structlog.testing.capture_logs() as events:
        for _ in range(2):
            attempt(lambda: client.upload(io.BytesIO(b"x"), 1, "image/png", "image.png"))
            attempt(lambda: client.delete("dEl"))
    assert [event["call"] for event in events] == [
        "POST /oauth2/token",
        "POST /3/image",
        "DELETE /3/image/{deletehash}",
    ]
    assert "the-client-id" not in str(events)
    assert f"{SUNSET} *** ***" in str(events[2])
