"""A server on loopback with prepared responses, which keeps the requests."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback_server import LoopbackHandler, LoopbackServer

JOB = "8315767e-588e-429f-83ad-d76da31ac786"
JOB_PATH = f"/v1/images/upload/{JOB}"
EVENTS_PATH = JOB_PATH + "/events"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Told:
    """One prepared response."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    # Sent one by one in place of a body, framed (RFC 9112, section 7.1) or up to the end.
    chunks: Callable[[], Iterable[bytes]] | None = None
    is_framed: bool = False


class StandIn(LoopbackServer):
    """The server; without a prepared response it sends 404 `not-found`, like an older service."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._told: dict[tuple[str, str], list[Told]] = {}
        super().__init__(_Handler)

    def tell(self, method: str, path: str, *answers: Told) -> None:
        """Prepare responses, one after the other; the last one is repeated."""
        self._told[method, path] = list(answers)

    def answer(self, asked: Asked) -> Told:
        self.asked.append(asked)
        answers = self._told.get((asked.method, asked.path))
        if answers is None:
            return problem(404, "not-found", "There is nothing at this path.")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def requests(self, method: str, path: str) -> list[Asked]:
        return [asked for asked in self.asked if (asked.method, asked.path) == (method, path)]


class _Handler(LoopbackHandler):
    server: StandIn

    def get(self) -> None:
        url = urlsplit(self.path)
        content = self.read_body()
        body = json.loads(content) if content else None
        query = dict(parse_qsl(url.query))
        asked = Asked(self.command, url.path, query, dict(self.headers), body)
        self._send(self.server.answer(asked))

    post = delete = get

    def _send(self, told: Told) -> None:
        headers = {"Content-Type": "application/json"} | told.headers
        if told.chunks is None:
            is_bytes = isinstance(told.body, bytes)
            self.answer(
                told.status, told.body if is_bytes else json.dumps(told.body).encode(), headers
            )
        else:
            self.send_response(told.status)
            for name, value in headers.items():
                self.send_header(name, value)
            self._send_chunks(told.chunks(), is_framed=told.is_framed)

    def _send_chunks(self, chunks: Iterable[bytes], *, is_framed: bool) -> None:
        if is_framed:
            self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_framed else chunk)
        if is_framed:
            self.wfile.write(b"0\r\n\r\n")


def problem(status: int, code: str, detail: str, **more: Any) -> Told:
    headers = {"Content-Type": "application/problem+json"} | more.pop("headers", {})
    body = {"type": f"/problems/{code}", "title": "Refused", "status": status, "detail": detail}
    return Told(status, body | {"code": code} | more, headers)


def html(status: int = 200) -> Told:
    """The response of another server."""
    return Told(status, b"<html>", {"Content-Type": "text/html"})


def counts(pending: int = 0, complete: int = 0, failed: int = 0) -> dict[str, int]:
    total = pending + complete + failed
    return {"pending": pending, "complete": complete, "failed": failed, "total": total}


def result(number: int, state: str = "complete", **more: Any) -> dict[str, Any]:
    link = f"https://i.imgur.com/{number}.png" if state == "complete" else None
    failed = state == "failed"
    return {
        "url": f"https://example.com/{number}.png",
        "state": state,
        "link": link,
        "reason": "source-not-found" if failed else None,
        "message": "The source has no image." if failed else None,
        "attempts": 1,
    } | more


def job(results: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    states = [one["state"] for one in results]
    tally = counts(*(states.count(state) for state in ("pending", "complete", "failed")))
    is_complete = not tally["pending"]
    return {
        "id": JOB,
        "created": "2026-11-24T19:38:26.179Z",
        "finished": "2026-11-24T19:38:26.789Z" if is_complete else None,
        "status": "complete" if is_complete else "in-progress",
        "results": results,
        "counts": tally,
    } | more


def summary(number: int, status: str = "in-progress", **more: Any) -> dict[str, Any]:
    """A job in the list of jobs."""
    created = "2026-11-24T19:38:26.179Z"
    head = {"id": f"job-{number}", "created": created, "finished": None, "status": status}
    return head | {"counts": counts(1, 20, 3)} | more


def event(name: str, data: object, number: int | None = None) -> bytes:
    number_line = "" if number is None else f"id: {number}\n"
    return f"{number_line}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def stream(*chunks: bytes) -> Told:
    return Told(headers={"Content-Type": "text/event-stream"}, chunks=lambda: chunks)
