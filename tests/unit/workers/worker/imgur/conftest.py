from collections.abc import Callable, Iterator

import pytest
import requests_mock

from workers.contract.imgur_access import ImgurAccess
from workers.contract.tokens import Tokens
from workers.state.token_store import TokenStore
from workers.worker.http.loop import TransferLoop
from workers.worker.imgur.client import ImgurClient

API = "https://api.imgur.com"


@pytest.fixture
def api() -> requests_mock.Adapter:
    """Answers in place of Imgur; the transport itself is tested over real sockets."""
    return requests_mock.Adapter()


@pytest.fixture
def make_client(
    api: requests_mock.Adapter, transfers: TransferLoop
) -> Iterator[Callable[..., ImgurClient]]:
    clients: list[ImgurClient] = []

    def make(access: ImgurAccess | None = None, tokens: Tokens | None = None) -> ImgurClient:
        access = access or ImgurAccess(API, "the-client-id")
        client = ImgurClient(access, tokens or TokenStore(), transfers)
        client._exchange.session.mount("https://", api)
        client._exchange.session.mount("http://", api)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
