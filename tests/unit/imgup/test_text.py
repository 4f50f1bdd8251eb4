"""Text for terminals and documents, addresses, waits."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imgup.answers import retry_after_of
from imgup.commands.jobs import shown_time
from imgup.link_formats import FORMATS, render_links, visible
from imgup.models import (
    Altered,
    Blocked,
    Converted,
    Counts,
    Forecast,
    Progress,
    Result,
    UploadPace,
)
from imgup.screen import describe
from imgup.service_url import check_service_url, is_loopback
from imgup.version import VERSION

NOW = datetime(2026, 11, 24, 19, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]text[/]", "plain [bold]text[/]"),
        ("größe 猫", "größe 猫"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("two\r\nlines\ttab", r"two\r\nlines\ttab"),
        ("\x9b31m", r"\x9b31m"),
        ("gnp\u202etxt", r"gnp\u202etxt"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_would_act_on_a_terminal_is_shown(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        (" 0 ", 0.0),
        ("Tue, 24 Nov 2026 19:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 18:59:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("Tue, 24 Nov 99999999999 19:00:30 GMT", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_retry_after(header, seconds, monkeypatch):
    monkeypatch.setattr("time.time", NOW.timestamp)
    assert retry_after_of({"Retry-After": header}) == seconds


def test_without_retry_after_nothing_is_said():
    assert retry_after_of({}) is None


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        (" https://imgup.example/below/ ", "https://imgup.example/below"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_the_address_of_a_service(given, used):
    assert check_service_url(given) == used


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8000",
        "ftp://a",
        "http://",
        "http://a:port",
        "http://a?x=1",
        "http://a#b",
        "http://a/?",
        "http://a/#",
        "http://a b",
        "http://me:secret@a",
        "",
    ],
)
def test_what_is_no_address_of_a_service(given):
    with pytest.raises(ValueError, match="service's URL") as caught:
        check_service_url(given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://localhost:8000", True),
        ("http://imgup.localhost", True),
        ("http://localhost.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback(url, is_here):
    assert is_loopback(url) is is_here


SMALLER = Altered("image/jpeg", 7)
MADE = Converted("image/webp", "image/png", 9, 8, 40, 30)
IMAGE = "https://i/b.png"
RESULTS = [
    Result(0, "https://a/0", "complete", link='https://i/a_(1)"]<b>&c.png', altered=SMALLER),
    Result(1, "https://a/1,2", "failed", reason="empty", message='=No "bytes".'),
    Result(2, "https://a/3", "complete", IMAGE, converted=MADE, resolved_to="https://b/"),
]


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("links", ['https://i/a_(1)"]<b>&c.png', "https://i/b.png"]),
        (
            "markdown",
            ["![](https://i/a_%281%29%22%5D%3Cb%3E&c.png)", "![](https://i/b.png)"],
        ),
        (
            "bbcode",
            ["[img]https://i/a_%281%29%22%5D%3Cb%3E&c.png[/img]", "[img]https://i/b.png[/img]"],
        ),
        (
            "html",
            [
                '<img src="https://i/a_(1)&quot;]&lt;b&gt;&amp;c.png" alt="">',
                '<img src="https://i/b.png" alt="">',
            ],
        ),
        (
            "csv",
            [
                "url,state,link,reason,message,altered,converted,resolvedTo",
                'https://a/0,complete,"https://i/a_(1)""]<b>&c.png",,,image/jpeg 7,,',
                '"https://a/1,2",failed,,empty,"\'=No ""bytes"".",,,',
                "https://a/3,complete,https://i/b.png,,,,image/webp 9 -> image/png 8 40x30,https://b/",
            ],
        ),
    ],
)
def test_each_format_quotes_what_would_end_it(form, lines):
    assert list(render_links(RESULTS, form)) == lines
    assert form in FORMATS


def _progress(forecast: Forecast | None) -> Progress:
    return Progress("id", "in-progress", Counts(2, 5, 1, 8), forecast=forecast)


@pytest.mark.parametrize(
    ("forecast", "said"),
    [
        (None, "5 uploaded, 1 failed"),
        (Forecast(1, None, None, 0.0), "5 uploaded, 1 failed"),
        (
            Forecast(1, 2.0, datetime(2026, 11, 24, 19, 1, 30, tzinfo=UTC), 0.0),
            "5 uploaded, 1 failed, about 90 s left",
        ),
        (Forecast(1, 2.0, NOW, 0.0), "5 uploaded, 1 failed"),
        (
            Forecast(1, 2.0, NOW + timedelta(days=3), budget=UploadPace(1250, "day")),
            "5 uploaded, 1 failed, about 3 days left: 1,250 a day",
        ),
        (
            Forecast(1, blocked=Blocked(NOW, "Imgur forbids this upload.")),
            "5 uploaded, 1 failed, uploads have stopped: Imgur forbids this upload.",
        ),
        (Forecast(1, 2.0, NOW, 40.0), "5 uploaded, 1 failed, Imgur asks to pause 40 s"),
    ],
)
def test_a_bar_says_how_long_it_may_take(forecast, said):
    assert describe(_progress(forecast), NOW) == said


def test_times_are_shown_to_the_second_and_in_gmt():
    assert shown_time(datetime.fromisoformat("2026-11-24T20:38:26.179+01:00")) == (
        "2026-11-24T19:38:26Z"
    )
    assert shown_time(None) == "-"


def test_the_version_is_the_projects():
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
