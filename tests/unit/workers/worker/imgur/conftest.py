from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import requests_mock

from workers.contract.imgur_access import ImgurAccess
from workers.contract.tokens import Tokens
from workers.state.token_store import TokenStore
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.client import ImgurClient

API = "https://api.imgur.com"


class Api(requests_mock.Adapter):  # type: ignore[misc] # without types
    """Answers in place of Imgur; the transport itself is tested over real sockets."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.body is not None and not isinstance(request.body, bytes):
            request.body = b"".join(request.body)
        response: requests.Response = super().send(request, **options)
        return response


@pytest.fixture
def api() -> requests_mock.Adapter:
    return Api()


@pytest.fixture
def make_client(
    api: requests_mock.Adapter, transfers: TransferLoop
) -> Iterator[Callable[..., ImgurClient]]:
    clients: list[ImgurClient] = []

    def make(access: ImgurAccess | None = None, tokens: Tokens | None = None) -> ImgurClient:
        access = access or ImgurAccess(API, "the-client-id")
        client = ImgurClient(access, tokens or TokenStore(), transfers)
        client._exchange.adapter = api
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
