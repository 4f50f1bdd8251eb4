"""A backend of the plain classes, no process in sight, and an app over it."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from falcon import testing
from structlog.testing import capture_logs

from service.app import create_app
from service.settings.environment import load_settings
from tests.plain_backend import PlainBackend


@dataclasses.dataclass
class Answer:
    """One HTTP answer, its JSON at hand."""

    result: testing.Result

    @property
    def status(self) -> int:
        return self.result.status_code

    @property
    def json(self) -> Any:
        return json.loads(self.result.content)

    @property
    def headers(self) -> Any:
        return self.result.headers


class Api:
    """A client of the app."""

    def __init__(self, backend: PlainBackend, environ: dict[str, str]) -> None:
        self.backend = backend
        self._client = testing.TestClient(create_app(backend, load_settings(environ)))

    def send(self, method: str, path: str, **more: Any) -> Answer:
        return Answer(self._client.simulate_request(method, path, **more))

    def get(self, path: str, **more: Any) -> Answer:
        return self.send("GET", path, **more)

    def post_body(self, body: str | bytes, **more: Any) -> Answer:
        headers = {"Content-Type": "application/json"} | more.pop("headers", {})
        return self.send("POST", "/v1/images/upload", body=body, headers=headers, **more)

    def post(self, urls: Any, **more: Any) -> Answer:
        return self.post_body(json.dumps({"urls": urls}), **more)

    def job(self, *urls: str, **more: Any) -> str:
        answer = self.post(list(urls), **more)
        assert answer.status == 202, answer.json
        job_id = answer.json["jobId"]
        assert isinstance(job_id, str)
        return job_id

    def status(self, job_id: str) -> Any:
        return self.get(f"/v1/images/upload/{job_id}").json


@pytest.fixture
def backend() -> PlainBackend:
    return PlainBackend()


@pytest.fixture
def make_backend() -> Callable[..., PlainBackend]:
    return PlainBackend


@pytest.fixture
def make_api(backend: PlainBackend) -> Callable[..., Api]:
    """An app over the backend, its environment given as keywords."""

    def make(over: PlainBackend | None = None, **environ: str) -> Api:
        # An account unless said otherwise: the sandbox has tests of its own.
        return Api(over or backend, {"IMGUR_CLIENT_ID": "id"} | environ)

    return make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What is logged, as it comes."""
    with capture_logs() as entries:
        yield entries
