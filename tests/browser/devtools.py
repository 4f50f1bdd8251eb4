"""Chromium, driven by its own DevTools protocol over a websocket."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import websocket

from tests.browser.trace import CATEGORIES

PATIENCE_SECONDS = 60.0
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Nothing but loopback is asked: Chromium's own errands are off.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    # A tab that Chromium takes for hidden has no frames, and slow timers.
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)


def find_chromium() -> str | None:
    """The path of a Chromium, if there is one."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


class PageError(AssertionError):
    """A script of a test raised in the page."""


class Connection:
    """One websocket to Chromium: commands and their answers, and events in between."""

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, timeout=PATIENCE_SECONDS)
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        command = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(command | ({"sessionId": session} if session else {})))
        while (message := json.loads(self._socket.recv())).get("id") != number:
            self.events.append(message)
        if "error" in message:
            raise PageError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def close(self) -> None:
        self._socket.close()


class Chromium:
    """A browser with a profile of its own.

    Args:
        program: its path.
        profile: an empty folder.
    """

    def __init__(self, program: str, profile: Path) -> None:
        self._log = (profile / "chromium.log").open("wb")
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        port_file = profile / "DevToolsActivePort"
        try:
            wait_for("Chromium", lambda: port_file.exists() and port_file.read_text().count("\n"))
        except AssertionError:
            self._process.kill()
            self._process.wait()
            raise
        port, path = port_file.read_text().split("\n")[:2]
        self._connection = Connection(f"ws://127.0.0.1:{port}{path}")

    def new_tab(self) -> "Tab":
        """A tab that shares nothing with the others: no storage, no cache."""
        context = self._connection.ask("Target.createBrowserContext")["browserContextId"]
        target = self._connection.ask(
            "Target.createTarget", url="about:blank", browserContextId=context
        )["targetId"]
        return Tab(self._connection, target, context)

    def close(self) -> None:
        try:
            self._connection.ask("Browser.close")
            self._connection.close()
            self._process.wait(10)
        except (OSError, websocket.WebSocketException, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._log.close()


class Tab:
    """One page as a person has it before them."""

    def __init__(self, connection: Connection, target: str, context: str) -> None:
        self._connection = connection
        self._context = context
        self.expected: list[str] = []
        """Complaints that the test provokes on purpose."""
        self._session = connection.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.ask(f"{domain}.enable")
        # Whatever other tabs there are: one that is taken for hidden has no frames.
        self.ask("Page.bringToFront")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self._connection.ask(method, self._session, **params)

    # --- where it is and how it looks ---------------------------------------------------------

    def open(self, url: str) -> None:
        self.ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def look(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, phone: bool = False
    ):
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.ask(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def screenshot(self, file: Path) -> bytes:
        shot = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(shot)
        return shot

    # --- what is in it ------------------------------------------------------------------------

    def run(self, expression: str) -> Any:
        answer = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Until an expression is true; its value."""

        def evaluate() -> Any:
            try:
                return self.run(expression)
            except PageError:  # the page is being changed
                return None

        return wait_for(expression, evaluate, seconds, self.text)

    def text(self, selector: str = "body") -> str:
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def texts(self, selector: str) -> list[str]:
        return self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.innerText)"
        )

    def wait_text(
        self, text: str, selector: str = "body", seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.wait(
            f"document.querySelector({json.dumps(selector)})?.innerText"
            f".includes({json.dumps(text)})",
            seconds,
        )

    # --- hands --------------------------------------------------------------------------------

    def click(self, text: str, selector: str = "button, a, summary") -> None:
        """Click, with the mouse, the first visible element with this text; it must arrive there."""
        place = self.wait(
            f"""(() => {{
              const found = [...document.querySelectorAll({json.dumps(selector)})].find((e) =>
                e.checkVisibility() && !e.disabled && e.innerText.includes({json.dumps(text)}));
              if (!found) return null;
              found.scrollIntoView({{ block: "nearest", behavior: "instant" }});
              window.clicked = false;
              found.addEventListener("click", () => {{ window.clicked = true; }}, {{ once: true }});
              const box = found.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )
        hit = f"document.elementFromPoint({place[0]}, {place[1]})?.outerHTML.slice(0, 200)"
        wait_for(
            f"a click on {text!r}",
            lambda: self.run("window.clicked"),
            tell=lambda: f"what is there now: {self.run(hit)}, {self.run('scrollY')} from the top",
        )

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def press(self, key: str, modifiers: int = 0) -> None:
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "End": 35, "Home": 36, "ArrowRight": 39}
        codes |= {"ArrowDown": 40, "PageDown": 34}
        text = {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        self.ask("Input.dispatchKeyEvent", type="keyDown", modifiers=modifiers, **common, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", modifiers=modifiers, **common)

    def paste(self, text: str) -> None:
        """Put a text into the box for links, as a paste does."""
        self.run("document.getElementById('links').focus()")
        self.type(text)

    def save_downloads(self, folder: Path) -> None:
        self._connection.ask(
            "Browser.setDownloadBehavior",
            behavior="allow",
            browserContextId=self._context,
            downloadPath=str(folder),
        )

    # --- what it costs ------------------------------------------------------------------------

    def start_trace(self) -> None:
        config = {"excludedCategories": ["*"], "includedCategories": list(CATEGORIES)}
        self._connection.ask("Tracing.start", traceConfig=config, transferMode="ReportEvents")

    def end_trace(self) -> list[dict[str, Any]]:
        """The events of the trace."""
        self._connection.ask("Tracing.end")
        events = self._connection.events

        def complete() -> bool:
            self.run("1")  # brings what has arrived
            return any(event["method"] == "Tracing.tracingComplete" for event in events)

        wait_for("the trace", complete)
        return [
            entry
            for event in events
            if event["method"] == "Tracing.dataCollected"
            for entry in event["params"]["value"]
        ]

    # --- what it asked for --------------------------------------------------------------------

    def posted(self) -> list[str]:
        """The bodies of its POST requests."""
        self.run("1")  # what was on its way has arrived by then
        requests = [
            event["params"]["request"]
            for event in self._connection.events
            if event.get("sessionId") == self._session
            and event["method"] == "Network.requestWillBeSent"
        ]
        return [request["postData"] for request in requests if request["method"] == "POST"]

    # --- what went wrong ----------------------------------------------------------------------

    def complaints(self) -> Iterator[str]:
        """Errors and violations of the policy that the console has shown."""
        self.run("1")  # what was on its way has arrived by then
        for event in self._connection.events:
            if event.get("sessionId") != self._session:
                continue
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                yield str(params["exceptionDetails"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
                yield str(params["args"])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                yield f"{params['entry']['text']} {params['entry'].get('url', '')}"

    def close(self) -> None:
        self._connection.ask("Target.disposeBrowserContext", browserContextId=self._context)


def wait_for(
    what: str,
    condition: Callable[[], Any],
    seconds: float = PATIENCE_SECONDS,
    tell: Callable[[], str] = str,
) -> Any:
    give_up = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > give_up:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{tell()}")
        time.sleep(0.02)
    return found
