"""What a real browser lets pages of others do to the service, and what the service lets it."""

import http.client
import http.server
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.running_service import ROOT, RunningService

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


class OtherSite:
    """A site with one page, whose script asks for `base`. What is asked of the site besides, it
    passes on to `service` as it came, as if its name led there by now.
    """

    def __init__(self) -> None:
        self.base = ""
        self.service = ""
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/":
                    script = SCRIPT.replace("BASE", json.dumps(site.base))
                    page = f"<!doctype html><body><script>{script}</script></body>"
                    self._answer(200, {"Content-Type": "text/html"}, page.encode())
                elif site.service:
                    self._answer(*site._pass_on(self))
                else:
                    self._answer(404, {}, b"")

            do_POST = do_GET  # noqa: N815 - the parent's name

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Not wanted."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _pass_on(
        self, request: http.server.BaseHTTPRequestHandler
    ) -> tuple[int, dict[str, str], bytes]:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection(urlsplit(self.service).netloc, timeout=30)
        connection.putrequest(
            request.command, request.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        told = {name: value for name, value in answer.getheaders() if name == "Location"}
        content = answer.read()
        connection.close()
        return answer.status, told, content

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def site() -> Iterator[OtherSite]:
    found = OtherSite()
    yield found
    found.close()


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


def test_a_page_whose_name_comes_to_lead_to_the_service_learns_nothing(
    launch: Callable[..., RunningService], site: OtherSite, tmp_path: Path
) -> None:
    service = launch().wait_until_ready()
    site.service = service.url
    found = found_by(f"http://{REBOUND}:{site.port}/", tmp_path / "profile")
    assert found == ["403", "403", "403", "403"]
    service.stop()
    refusals = {event["code"] for event in service.events("request refused")}
    assert refusals == {"host-not-allowed"}


def test_a_page_of_another_origin_has_no_effect(
    launch: Callable[..., RunningService], site: OtherSite, tmp_path: Path
) -> None:
    service = launch().wait_until_ready()
    site.base = service.url
    found = found_by(f"http://127.0.0.1:{site.port}/", tmp_path / "profile")
    assert found == ["blocked"] * 4
    service.stop()
    refusals = {event["code"] for event in service.events("request refused")}
    assert refusals == {"origin-not-allowed"}


def test_one_of_the_setting_has(
    launch: Callable[..., RunningService], site: OtherSite, tmp_path: Path
) -> None:
    service = launch(CORS_ORIGINS=f"http://127.0.0.1:{site.port}").wait_until_ready()
    site.base = service.url
    found = found_by(f"http://127.0.0.1:{site.port}/", tmp_path / "profile")
    (accepted,) = service.wait_for_events("job accepted", 1)
    assert found[:3] == ["200", "200", f"202 /v1/images/upload/{accepted['job_id']}"]
