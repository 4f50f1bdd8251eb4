"""What a real browser lets pages of others do to the service, and what the service lets it."""

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.loopback_server import LoopbackHandler, LoopbackServer
from tests.running_service import ROOT, Launch, RunningService

PATIENCE_SECONDS = 120
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REBOUND = "rebound.test"
# Nothing but loopback is asked.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--dump-dom",
)
SCRIPT = """
const job = { method: "POST", body: JSON.stringify({ urls: ["https://example.com/a.jpg"] }) };
const asJson = { ...job, headers: { "Content-Type": "application/json" } };
const disguised = { headers: { "Accept-Language": "*" }, referrerPolicy: "no-referrer" };
const told = (answer) => answer.status + " " + (answer.headers.get("Location") ?? "");
const attempts = [
  fetch(BASE + "/v1/images").then(told),
  fetch(BASE + "/v1/images", disguised).then(told),
  fetch(BASE + "/v1/images/upload", asJson).then(told),
  fetch(BASE + "/v1/images/upload", { ...job, mode: "no-cors" }).then(told),
];
Promise.allSettled(attempts).then((ends) => {
  const found = ends.map((end) => (end.status === "fulfilled" ? end.value.trim() : "blocked"));
  document.body.textContent = JSON.stringify(found);
});
"""


class OtherSite(LoopbackServer):
    """A site with one page, whose script asks for `base`. What is asked of the site besides, it
    passes on to `service` as it came, as if its name led there by now.
    """

    def __init__(self) -> None:
        self.base = ""
        self.service = ""
        super().__init__(_Handler)


class _Handler(LoopbackHandler):
    protocol_version = "HTTP/1.0"  # a connection each
    server: OtherSite

    def get(self) -> None:
        if self.path == "/":
            script = SCRIPT.replace("BASE", json.dumps(self.server.base))
            page = f"<!doctype html><body><script>{script}</script></body>"
            self.answer(200, page.encode(), {"Content-Type": "text/html"})
        elif self.server.service:
            self._pass_on()
        else:
            self.answer(404)

    post = get

    def _pass_on(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self.server.service).netloc, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(self.read_body())
        answer = connection.getresponse()
        told = {name: value for name, value in answer.getheaders() if name == "Location"}
        self.answer(answer.status, answer.read(), told)
        connection.close()


@pytest.fixture
def site() -> Iterator[OtherSite]:
    with OtherSite() as found:
        yield found


def found_by(url: str, profile: Path) -> list[str]:
    """What the script of a page has found out."""
    program = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if program is None:
        pytest.skip(
            "NO CHROMIUM: pages of others were NOT tested. On Debian: apt-get install chromium"
        )
    command = [program, *FLAGS, f"--user-data-dir={profile}", "--virtual-time-budget=20000", url]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    text = ended.stdout.partition("<body>")[2].partition("</body>")[0]
    assert text.startswith("["), ended.stdout[:2000] + ended.stderr[-2000:]
    found: list[str] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def friend() -> Iterator[OtherSite]:
    with OtherSite() as found:
        yield found


@pytest.fixture(scope="module")
def shared(launch_shared: Launch, friend: OtherSite) -> RunningService:
    return launch_shared(CORS_ORIGINS=friend.url).wait_until_ready()


@pytest.fixture
def service(shared: RunningService) -> RunningService:
    """One that lets the pages of `friend` in, and no others."""
    shared.forget_events()
    return shared


def test_a_page_whose_name_comes_to_lead_to_the_service_learns_nothing(
    service: RunningService, site: OtherSite, tmp_path: Path
) -> None:
    site.service = service.url
    found = found_by(f"http://{REBOUND}:{site.server_port}/", tmp_path / "profile")
    assert found == ["403", "403", "403", "403"]
    service.wait_for_events("request refused", 4, code="host-not-allowed")
    assert not service.events("job accepted")


def test_a_page_of_another_origin_has_no_effect(
    service: RunningService, site: OtherSite, tmp_path: Path
) -> None:
    site.base = service.url
    found = found_by(f"{site.url}/", tmp_path / "profile")
    assert found == ["blocked"] * 4
    service.wait_for_events("request refused", 4, code="origin-not-allowed")
    assert not service.events("job accepted")


def test_one_of_the_setting_has(service: RunningService, friend: OtherSite, tmp_path: Path) -> None:
    friend.base = service.url
    found = found_by(f"{friend.url}/", tmp_path / "profile")
    (accepted,) = service.wait_for_events("job accepted", 1)
    assert found[:3] == ["200", "200", f"202 /v1/images/upload/{accepted['job_id']}"]
