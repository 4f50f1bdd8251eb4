"""Creating, ordering and deleting an album at Imgur."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import requests_mock

from tests.clock import Clock
from workers.contract.errors import ImgurError, RateLimitedError, Reason, RefusalScope
from workers.contract.imgur_access import ImgurAccess
from workers.contract.job_options import NewAlbum
from workers.contract.messages.albums import AlbumCall, AlbumCreated, AlbumStep
from workers.contract.messages.outcomes import Done
from workers.state.token_store import TokenStore
from workers.worker.imgur import calls, exchange
from workers.worker.imgur.client import ImgurClient

API = "https://api.imgur.com"
ALBUM = f"{API}/3/album"
ASKED = NewAlbum("A day", None, "hidden", "grid")
OK = {"data": True, "success": True, "status": 200}
LINKS = ("https://i.imgur.com/one.jpg", "https://i.imgur.com/two.png")
HASHES = ("hash1", "hash2")

MakeClient = Callable[..., ImgurClient]


def call(step: AlbumStep) -> AlbumCall:
    return AlbumCall(step, ASKED, "aBc", "s3cret", LINKS, HASHES)


def images(*ids: str) -> dict[str, Any]:
    return {"data": [{"id": one} for one in ids], "success": True, "status": 200}


def refused(sentence: str, status: int) -> dict[str, Any]:
    return {"data": {"error": sentence, "method": "POST"}, "success": False, "status": status}


def posted(api: requests_mock.Adapter) -> list[tuple[str, str]]:
    (request,) = (one for one in api.request_history if one.method == "POST")
    return parse_qsl(request.text)


def account(make_client: MakeClient) -> ImgurClient:
    tokens = TokenStore()
    permit = tokens.token(None, 0.0).permit
    assert permit is not None
    tokens.refreshed(permit, "the-token", 3600.0, None)
    return make_client(ImgurAccess(API, "the-id", "the-secret", "the-refresh-token"), tokens)


def test_an_album_is_created_empty(api: requests_mock.Adapter, make_client: MakeClient) -> None:
    data = {"id": "aBc", "deletehash": "s3cret"}
    api.register_uri("POST", ALBUM, json={"data": data, "success": True, "status": 200})
    created = make_client().albums.do(call(AlbumStep.CREATE), 1)
    assert created == AlbumCreated("aBc", "https://imgur.com/a/aBc", "s3cret")
    assert posted(api) == [("title", "A day"), ("privacy", "hidden"), ("layout", "grid")]
    assert api.request_history[0].headers["Authorization"] == "Client-ID the-client-id"


def test_an_account_changes_its_album_by_the_id(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    data = {"id": "aBc", "deletehash": "s3cret", "link": "http://imgur.com/a/aBc"}
    api.register_uri("POST", ALBUM, json={"data": data, "success": True, "status": 200})
    created = account(make_client).albums.do(call(AlbumStep.CREATE), 1)
    assert created == AlbumCreated("aBc", "https://imgur.com/a/aBc", "aBc")
    assert api.request_history[0].headers["Authorization"] == "Bearer the-token"


@pytest.mark.parametrize(
    ("answer", "reason", "transient"),
    [
        ({"json": refused("No.", 400), "status_code": 400}, Reason.IMGUR_REFUSED, False),
        (
            {"json": refused("Over capacity", 403), "status_code": 403},
            Reason.IMGUR_OVER_CAPACITY,
            True,
        ),
        ({"json": refused("No.", 403), "status_code": 403}, Reason.IMGUR_FORBIDDEN, True),
        ({"json": {"data": {"id": "aBc"}, "success": True}}, Reason.IMGUR_BAD_ANSWER, True),
        ({"json": {"data": {"id": "../x", "deletehash": "y"}}}, Reason.IMGUR_BAD_ANSWER, True),
        ({"exc": requests.ReadTimeout}, Reason.IMGUR_TIMEOUT, True),
    ],
)
def test_an_album_that_is_not_created(
    api: requests_mock.Adapter,
    make_client: MakeClient,
    answer: dict[str, Any],
    reason: Reason,
    *,
    transient: bool,
) -> None:
    api.register_uri("POST", ALBUM, **answer)
    with pytest.raises(ImgurError) as caught:
        make_client().albums.do(call(AlbumStep.CREATE), 1)
    assert (caught.value.reason, caught.value.transient) == (reason, transient)
    assert caught.value.maybe_stored == (reason in (Reason.IMGUR_BAD_ANSWER, Reason.IMGUR_TIMEOUT))


def test_only_a_creation_tells_of_all_calls(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    for method, url in (("POST", ALBUM), ("DELETE", f"{ALBUM}/s3cret")):
        api.register_uri(method, url, json=refused("Over capacity", 403), status_code=403)
    scopes = []
    for step in (AlbumStep.CREATE, AlbumStep.DELETE):
        with pytest.raises(ImgurError) as caught:
            make_client().albums.do(call(step), 1)
        scopes.append(caught.value.scope)
    assert scopes == [RefusalScope.MAYBE_ALL, RefusalScope.IMAGE]


@pytest.mark.parametrize(
    ("attempt", "wanted"),
    [
        (1, [("deletehashes[]", "hash1"), ("deletehashes[]", "hash2")]),
        (2, [("ids[]", "one"), ("ids[]", "two")]),
    ],
)
def test_images_are_set_in_their_order(
    api: requests_mock.Adapter,
    make_client: MakeClient,
    attempt: int,
    wanted: list[tuple[str, str]],
) -> None:
    shown = [{"json": images("two", "one")}, {"json": images("one", "two")}]
    api.register_uri("GET", f"{ALBUM}/aBc/images", shown)
    api.register_uri("POST", f"{ALBUM}/s3cret", json=OK)
    assert make_client().albums.do(call(AlbumStep.ORDER), attempt) == Done()
    assert posted(api) == wanted


def test_an_album_in_its_order_is_left_alone(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri("GET", f"{ALBUM}/aBc/images", json=images("one", "two"))
    assert make_client().albums.do(call(AlbumStep.ORDER), 1) == Done()
    assert [request.method for request in api.request_history] == ["GET"]


def test_an_order_without_effect_is_tried_again(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri("GET", f"{ALBUM}/aBc/images", json=images())
    api.register_uri("POST", f"{ALBUM}/s3cret", json=OK)
    with pytest.raises(ImgurError) as caught:
        make_client().albums.do(call(AlbumStep.ORDER), 1)
    assert caught.value.transient
    assert "shows 0 of them" in caught.value.message


def test_an_album_that_cannot_be_looked_at_is_ordered_all_the_same(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri(
        "GET", f"{ALBUM}/aBc/images", status_code=404, json=refused("It is secret.", 404)
    )
    api.register_uri("POST", f"{ALBUM}/s3cret", json=OK)
    assert make_client().albums.do(call(AlbumStep.ORDER), 1) == Done()


def test_limits_are_heeded_at_every_call(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri(requests_mock.ANY, requests_mock.ANY, status_code=429)
    for step in AlbumStep:
        with pytest.raises(RateLimitedError):
            make_client().albums.do(call(step), 1)


def test_an_album_is_deleted_by_its_name(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri("DELETE", f"{ALBUM}/s3cret", json=OK)
    assert make_client().albums.do(call(AlbumStep.DELETE), 1) == Done()


def test_one_that_is_gone_counts_as_deleted(
    api: requests_mock.Adapter, make_client: MakeClient
) -> None:
    api.register_uri("DELETE", f"{ALBUM}/s3cret", status_code=404, json=refused("None", 404))
    assert make_client().albums.do(call(AlbumStep.DELETE), 1) == Done()


@pytest.mark.parametrize("step", [AlbumStep.ORDER, AlbumStep.DELETE])
def test_secrets_are_not_quoted(
    api: requests_mock.Adapter, make_client: MakeClient, step: AlbumStep
) -> None:
    api.register_uri("GET", f"{ALBUM}/aBc/images", json=images())
    answer = refused("s3cret and hash1 are not yours", 403)
    api.register_uri(requests_mock.ANY, f"{ALBUM}/s3cret", status_code=403, json=answer)
    with pytest.raises(ImgurError) as caught:
        make_client().albums.do(call(step), 1)
    assert "are not yours" in caught.value.message
    assert "s3cret" not in caught.value.message
    assert step is AlbumStep.DELETE or "hash1" not in caught.value.message


def test_an_order_takes_no_longer_than_an_upload(
    api: requests_mock.Adapter, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(0.0)
    stand_in = SimpleNamespace(monotonic=clock, time=time.time)
    monkeypatch.setattr(calls, "time", stand_in)
    monkeypatch.setattr(exchange, "time", stand_in)

    def answer_late(request: Any, _context: object) -> dict[str, Any]:
        clock.now += 40.0
        return images() if request.method == "GET" else OK

    api.register_uri(requests_mock.ANY, requests_mock.ANY, json=answer_late)
    client = make_client(ImgurAccess(API, "the-client-id", upload_seconds=60.0))
    with pytest.raises(ImgurError) as caught:
        client.albums.do(call(AlbumStep.ORDER), 1)
    assert caught.value.reason is Reason.IMGUR_TIMEOUT
    assert [request.method for request in api.request_history] == ["GET", "POST"]
