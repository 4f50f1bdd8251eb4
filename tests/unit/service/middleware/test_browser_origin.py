"""What a browser may ask for, and on behalf of which page."""

from collections.abc import Callable
from typing import Any

import pytest

from service.middleware.browser_origin import EXPOSED_HEADERS

APP = "https://app.example"
OWN = "https://imgup.example"
GOOD = "https://example.com/a.jpg"
JOB = '{"urls": ["https://example.com/a.jpg"]}'


@pytest.fixture
def named(make_api: Callable[..., Any]) -> Any:
    return make_api(ALLOWED_HOSTS="imgup.example", CORS_ORIGINS=APP)


def ask(api: Any, host: str | None, method: str = "GET", **marks: str) -> Any:
    """Send a request with these header fields, their names written with underscores."""
    headers = {name.replace("_", "-"): value for name, value in marks.items()}
    if host is not None:
        headers["Host"] = host
    extras = {} if host is not None else {"HTTP_HOST": ""}
    if method == "POST":
        headers |= {"Content-Type": "application/json"}
        return api.send(method, "/v1/images/upload", headers=headers, body=JOB)
    return api.send(method, "/v1/images", headers=headers, extras=extras)


LANGUAGES = {"Accept_Language": "en"}  # all there is of a page at a name of its own, without TLS


class TestHost:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "127.0.0.1:8000",
            "192.168.1.7:8000",
            "[::1]",
            "[2001:DB8::1]:8000",
            "localhost",
            "LocalHost:8000",
            "localhost.:8000",
            "imgup.localhost:8000",
            "imgup.example",
            "IMGUP.example:8000",
            "imgup.example.",
        ],
    )
    def test_addresses_and_known_names_are_answered(self, named: Any, host: str) -> None:
        assert ask(named, host, Sec_Fetch_Site="same-origin").status == 200
        assert ask(named, host, **LANGUAGES).status == 200
        assert ask(named, host, "POST", Origin=f"http://{host.lower()}").status == 202

    @pytest.mark.parametrize(
        "host",
        [
            "rebound.example",
            "rebound.example:8000",
            "127.0.0.1.rebound.example",
            "localhost.rebound.example",
            "notlocalhost",
            "www.imgup.example",
            "imgup.example.rebound.example",
            "[::1].rebound.example",
            "127.0.0.1:8000:8000",
            "",
            ":8000",
            None,
        ],
    )
    def test_another_name_is_refused_to_a_browser(
        self, named: Any, backend: Any, host: str | None
    ) -> None:
        for marks in ({"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}, LANGUAGES):
            answer = ask(named, host, **marks)
            assert (answer.status, answer.json["code"]) == (403, "host-not-allowed")
            assert "ALLOWED_HOSTS" in answer.json["detail"]
        answer = ask(named, host or "rebound.example", "POST", Origin=f"http://{host}")
        assert (answer.status, answer.json["code"]) == (403, "host-not-allowed")
        assert backend.calls == 0

    @pytest.mark.parametrize("path", ["/", "/docs", "/healthz", "/metrics", "/nowhere"])
    def test_on_every_path(self, api: Any, path: str) -> None:
        answer = api.get(path, headers={"Host": "rebound.example", "Accept-Language": "en"})
        assert answer.status == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"User-Agent": "curl/8.0"},
            {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": "python-requests"},
            {"Accept-Language": "*", "Sec-Fetch-Mode": "cors", "User-Agent": "node"},
        ],
        ids=["bare", "curl", "requests", "node"],
    )
    @pytest.mark.parametrize("host", ["imgup.internal:8000", "imgup", ""])
    def test_programs_notice_nothing(self, api: Any, host: str, headers: dict[str, str]) -> None:
        assert api.get("/v1/images", headers=headers | {"Host": host}).status == 200
        assert api.post([GOOD], headers=headers | {"Host": host}).status == 202


class TestOrigin:
    @pytest.mark.parametrize(
        ("host", "origin"),
        [
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("imgup.example", OWN),  # behind a proxy that ends TLS
            ("imgup.example:443", OWN),
            ("localhost:80", "http://localhost"),
            ("127.0.0.1:8000", APP),
            ("imgup.example", APP),
        ],
    )
    def test_its_own_and_those_of_the_setting_may(self, named: Any, host: str, origin: str) -> None:
        answer = ask(named, host, "POST", Origin=origin, Sec_Fetch_Site="cross-site")
        assert answer.status == 202

    @pytest.mark.parametrize(
        "origin",
        [
            "http://other.example",
            "http://127.0.0.1",
            "http://127.0.0.1:8001",
            "http://localhost:8000",
            "http://127.0.0.1:8000.other.example",
            "http://app.example",
            f"{APP}:8443",
            f"{APP}.other.example",
            "null",
            "",
            "chrome-extension://abcdef",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
    def test_another_is_refused(self, named: Any, backend: Any, origin: str, method: str) -> None:
        answer = ask(named, "127.0.0.1:8000", method, Origin=origin)
        assert (answer.status, answer.json["code"]) == (403, "origin-not-allowed")
        assert "CORS_ORIGINS" in answer.json["detail"]
        assert "access-control-allow-origin" not in answer.headers
        assert backend.calls == 0

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "new-kind"])
    def test_so_is_what_another_page_loads_without_naming_itself(
        self, named: Any, site: str
    ) -> None:
        marks = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
        answer = ask(named, "127.0.0.1:8000", **marks)
        assert (answer.status, answer.json["code"]) == (403, "origin-not-allowed")

    def test_a_link_of_another_page_may_be_followed(self, named: Any) -> None:
        marks = {
            "Sec_Fetch_Site": "cross-site",
            "Sec_Fetch_Mode": "navigate",
            "Sec_Fetch_Dest": "document",
        }
        assert ask(named, "127.0.0.1:8000", **marks).status == 200
        assert ask(named, "127.0.0.1:8000", "POST", **marks).status == 403
        framed = marks | {"Sec_Fetch_Dest": "iframe"}
        assert ask(named, "127.0.0.1:8000", **framed).status == 403


class TestCors:
    def test_scripts_of_an_origin_that_may_ask_read_the_answer(self, named: Any) -> None:
        answer = ask(named, "127.0.0.1", "POST", Origin=APP)
        assert answer.headers["access-control-allow-origin"] == APP
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert exposed == list(EXPOSED_HEADERS)
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]

    def test_problems_too(self, named: Any) -> None:
        answer = named.get("/v1/images/upload/x", headers={"Origin": APP, "Host": "127.0.0.1"})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, APP)

    def test_every_header_that_an_answer_has_of_its_own_is_exposed(
        self, make_api: Callable[..., Any]
    ) -> None:
        api = make_api(CORS_ORIGINS=APP, RATE_LIMIT="60/minute", SANDBOX="on")
        headers = {"Origin": APP, "Host": "127.0.0.1", "Idempotency-Key": "k"}
        answers = [api.post([GOOD], headers=headers) for _ in range(2)]
        job = answers[0].headers["location"]
        answers += [
            api.get(job, headers=headers),
            api.send("PUT", job, headers=headers),
            api.send("POST", "/v1/images/upload", body=JOB, headers=headers),
        ]
        found = {name for answer in answers for name in answer.headers}
        assert len(found) > 15
        always = {"content-type", "content-length", "cache-control"}  # CORS-safelisted
        for_browsers = {
            *("content-security-policy", "cross-origin-resource-policy", "referrer-policy"),
            *("x-content-type-options", "vary"),
        }
        found = {n for n in found - always - for_browsers if not n.startswith("access-control-")}
        assert found <= {name.lower() for name in EXPOSED_HEADERS}

    @pytest.mark.parametrize("settings", [{}, {"API_KEYS": "k", "RATE_LIMIT": "60/minute"}])
    def test_a_preflight_shows_no_key(
        self, make_api: Callable[..., Any], settings: dict[str, str]
    ) -> None:
        api = make_api(CORS_ORIGINS=APP, **settings)
        headers = {
            "Origin": APP,
            "Host": "127.0.0.1",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        answer = api.send("OPTIONS", "/v1/images/upload", headers=headers)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == APP
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == "authorization,content-type"

    def test_what_follows_needs_the_key(self, make_api: Callable[..., Any]) -> None:
        api = make_api(CORS_ORIGINS=APP, API_KEYS="k")
        headers = {"Origin": APP, "Host": "127.0.0.1"}
        refused = api.post([GOOD], headers=headers)
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, APP)
        assert api.post([GOOD], headers=headers | {"X-API-Key": "k"}).status == 202

    def test_without_the_setting_there_is_none(self, api: Any) -> None:
        own = {"Origin": "http://127.0.0.1:8000", "Host": "127.0.0.1:8000"}
        answer = api.get("/v1/images", headers=own)
        assert answer.status == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "origin" not in answer.headers.get("vary", "").lower()
