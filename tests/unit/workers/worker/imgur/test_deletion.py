"""Deleting images at Imgur."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import requests_mock

from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Done
from workers.state.token_store import TokenStore
from workers.worker.imgur.client import ImgurClient

API = "https://api.imgur.com"
HASH = "dEl3teHash"
URL = f"{API}/3/image/{HASH}"
OK = {"data": True, "success": True, "status": 200}

MakeClient = Callable[..., ImgurClient]


def failing(sentence: str, status: int) -> dict[str, Any]:
    return {"data": {"error": sentence, "method": "DELETE"}, "success": False, "status": status}


def test_an_image_is_deleted_by_its_hash(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri("DELETE", URL, json=OK)
    assert make_client().delete(HASH) == Done()
    (request,) = api.request_history
    assert request.headers["Authorization"] == "Client-ID the-client-id"
    assert request.body is None


def test_a_hash_cannot_lead_elsewhere(api: requests_mock.Adapter, make_client: MakeClient) -> None:
    api.register_uri("DELETE", requests_mock.ANY, json=OK)
    make_client().delete("../account/me?x=1")
    assert api.request_history[0].url == f"{API}/3/image/..%2Faccount%2Fme%3Fx%3D1"


def test_one_that_is_gone_counts_as_deleted(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri("DELETE", URL, status_code=404, json=failing("Unable to find an image", 404))
    assert make_client().delete(HASH) == Done()


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        ({"status_code": 500, "text": "<html>oops</html>"}, (Reason.IMGUR_ERROR, True)),
        ({"status_code": 503, "text": ""}, (Reason.IMGUR_OVER_CAPACITY, True)),
        (
            {"status_code": 403, "json": failing("Unauthorized for " + HASH, 403)},
            (Reason.IMGUR_FORBIDDEN, False),
        ),
        ({"status_code": 401, "json": failing("no", 401)}, (Reason.IMGUR_CREDENTIALS, False)),
        # As with uploads, the status does not always fit.
        ({"json": failing("no", 500)}, (Reason.IMGUR_ERROR, True)),
        ({"text": "<html>welcome</html>"}, (Reason.IMGUR_BAD_ANSWER, True)),
        ({"exc": requests.ReadTimeout}, (Reason.IMGUR_TIMEOUT, True)),
    ],
)
def test_troubles(
    api: requests_mock.Adapter,
    make_client: MakeClient,
    answer: dict[str, Any],
    then: tuple[Reason, bool],
) -> None:
    api.register_uri("DELETE", URL, **answer)
    with pytest.raises(ImgurError) as caught:
        make_client().delete(HASH)
    assert (caught.value.reason, caught.value.transient) == then
    assert HASH not in caught.value.message
    assert "upload" not in caught.value.message.lower().replace("upload_seconds", "")


def test_limits_are_heeded(api: requests_mock.Adapter, make_client: MakeClient) -> None:
    api.register_uri("DELETE", URL, status_code=429, headers={"Retry-After": "90"})
    with pytest.raises(RateLimitedError) as caught:
        make_client().delete(HASH)
    assert caught.value.pause_seconds == pytest.approx(90.0)


def test_a_stale_token_is_refreshed(api: requests_mock.Adapter, make_client: MakeClient) -> None:
    tokens = TokenStore()
    first = tokens.token(None, 0.0)
    assert first.permit is not None
    tokens.refreshed(first.permit, "old-token", 3600.0, None)
    access = ImgurAccess(API, "the-client-id", "the-secret", "the-refresh-token")
    fresh = {"access_token": "new-token", "expires_in": 3600, "refresh_token": "r"}
    api.register_uri("POST", f"{API}/oauth2/token", json=fresh)
    api.register_uri(
        "DELETE", URL, [{"status_code": 401, "json": failing("expired", 401)}, {"json": OK}]
    )
    assert make_client(access, tokens).delete(HASH) == Done()
    sent = [call.headers["Authorization"] for call in api.request_history if call.url == URL]
    assert sent == ["Bearer old-token", "Bearer new-token"]
