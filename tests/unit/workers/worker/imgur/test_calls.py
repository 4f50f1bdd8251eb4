import io
import traceback
from collections.abc import Callable

import pytest
import requests
import requests_mock

from tests.clock import Clock
from workers.contract.errors import ImgurError, RateLimitedError, Reason
from workers.contract.imgur_access import ImgurAccess
from workers.contract.messages.outcomes import Uploaded
from workers.state.token_store import TokenStore
from workers.worker.imgur.client import ImgurClient

API = "https://api.imgur.com"
UPLOAD = f"{API}/3/image"
REFRESH = f"{API}/oauth2/token"
IMAGE = b"\xff\xd8\xff\xe0 a picture"

Make = Callable[..., ImgurClient]


ACCOUNT = ImgurAccess(
    API, "the-client-id", client_secret="the-client-secret", refresh_token="the-refresh-token"
)


def stored() -> dict[str, object]:
    data = {"id": "abc", "deletehash": "dEl", "link": "https://i.imgur.com/abc.jpg"}
    return {"data": data, "success": True, "status": 200}


def fresh(token: str = "t1", **more: object) -> dict[str, object]:
    return {"access_token": token, "expires_in": 3600, "token_type": "bearer", **more}


def refused(status: int, text: str) -> dict[str, object]:
    data = {"error": text, "request": "/3/image", "method": "POST"}
    return {"data": data, "success": False, "status": status}


def upload(client: ImgurClient) -> Uploaded:
    return client.upload(io.BytesIO(IMAGE), len(IMAGE), "image/jpeg", "image.jpg")


def failure(client: ImgurClient) -> ImgurError:
    with pytest.raises(ImgurError) as caught:
        upload(client)
    return caught.value


def test_an_account_uploads_with_a_fresh_token(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    api.register_uri("POST", REFRESH, json=fresh())
    api.register_uri("POST", UPLOAD, json=stored())
    client = make_client(ACCOUNT)
    upload(client)
    upload(client)
    refresh, first, second = api.request_history
    assert refresh.url == REFRESH
    assert refresh.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in refresh.headers
    assert refresh.text == (
        "refresh_token=the-refresh-token&client_id=the-client-id"
        "&client_secret=the-client-secret&grant_type=refresh_token"
    )
    assert first.headers["Authorization"] == "Bearer t1"
    assert second.headers["Authorization"] == "Bearer t1"


def test_clients_share_one_token(make_client: Make, api: requests_mock.Adapter) -> None:
    api.register_uri("POST", REFRESH, json=fresh())
    api.register_uri("POST", UPLOAD, json=stored())
    tokens = TokenStore()
    for _ in range(3):
        upload(make_client(ACCOUNT, tokens))
    assert [request.path for request in api.request_history].count("/oauth2/token") == 1


@pytest.mark.parametrize(
    "stale",
    [
        {"status_code": 401, "json": refused(401, "Unauthorized")},
        {"status_code": 403, "json": refused(403, "The access token provided is invalid.")},
        {"status_code": 403, "json": refused(403, "The access token has expired")},
    ],
    ids=["401", "403 invalid", "403 expired"],
)
def test_a_token_gone_stale_is_replaced_once(
    make_client: Make, api: requests_mock.Adapter, stale: dict[str, object]
) -> None:
    api.register_uri("POST", REFRESH, [{"json": fresh("t1")}, {"json": fresh("t2")}])
    api.register_uri("POST", UPLOAD, [stale, {"json": stored()}])
    assert upload(make_client(ACCOUNT)).link
    last = api.request_history[-1]
    assert last.headers["Authorization"] == "Bearer t2"
    assert IMAGE in last.body
    assert len(api.request_history) == 4


def test_a_token_gone_stale_long_before_its_time_is_replaced(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    api.register_uri("POST", REFRESH, [{"json": fresh("t1")}, {"json": fresh("t2")}])
    stale = {"status_code": 401, "json": refused(401, "No")}
    done = {"json": stored()}
    api.register_uri("POST", UPLOAD, [done, done, stale, done])
    client = make_client(ACCOUNT)
    for _ in range(3):
        upload(client)
    assert api.request_history[-1].headers["Authorization"] == "Bearer t2"
    assert len(api.request_history) == 6


def test_a_token_is_not_replaced_twice_for_one_image(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    api.register_uri("POST", REFRESH, json=fresh())
    api.register_uri("POST", UPLOAD, status_code=401, json=refused(401, "No"))
    error = failure(make_client(ACCOUNT))
    assert (error.reason, error.transient) == (Reason.IMGUR_CREDENTIALS, False)
    assert "IMGUR_REFRESH_TOKEN" in error.message
    assert len(api.request_history) == 4


def test_any_other_403_replaces_no_token(make_client: Make, api: requests_mock.Adapter) -> None:
    api.register_uri("POST", REFRESH, json=fresh())
    api.register_uri("POST", UPLOAD, status_code=403, json=refused(403, "Forbidden"))
    assert failure(make_client(ACCOUNT)).reason is Reason.IMGUR_FORBIDDEN
    assert len(api.request_history) == 2


def test_an_anonymous_401_replaces_nothing(make_client: Make, api: requests_mock.Adapter) -> None:
    api.register_uri("POST", UPLOAD, status_code=401, json=refused(401, "No"))
    error = failure(make_client())
    assert error.reason is Reason.IMGUR_CREDENTIALS
    assert "IMGUR_CLIENT_ID" in error.message
    assert "REFRESH" not in error.message
    assert len(api.request_history) == 1


def test_a_rotated_refresh_token_is_used_next(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    first = {"json": fresh("t1", refresh_token="rotated")}
    api.register_uri("POST", REFRESH, [first, {"json": fresh("t2")}])
    stale = {"status_code": 401, "json": refused(401, "No")}
    api.register_uri("POST", UPLOAD, [stale, {"json": stored()}])
    upload(make_client(ACCOUNT))
    assert api.request_history[2].text.startswith("refresh_token=rotated&")


@pytest.mark.parametrize("status", [400, 401, 403, 413, 417])
def test_a_refused_refresh_is_remembered_by_all(
    make_client: Make, api: requests_mock.Adapter, status: int
) -> None:
    body = refused(status, "Invalid refresh token the-refresh-token")
    api.register_uri("POST", REFRESH, json=body, status_code=status)
    tokens = TokenStore()
    for _ in range(3):
        error = failure(make_client(ACCOUNT, tokens))
        assert (error.reason, error.transient) == (Reason.IMGUR_CREDENTIALS, False)
        assert "IMGUR_REFRESH_TOKEN" in error.message
        assert "Invalid refresh token ***" in error.message
    assert len(api.request_history) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param({"status_code": 500}, Reason.IMGUR_ERROR, id="500"),
        pytest.param(
            {"status_code": 400, "json": {"error": "Please try again later"}},
            Reason.IMGUR_ERROR,
            id="try again",
        ),
        pytest.param({"status_code": 503}, Reason.IMGUR_OVER_CAPACITY, id="503"),
        pytest.param({"text": "<html>"}, Reason.IMGUR_BAD_ANSWER, id="page"),
        pytest.param({"json": {}}, Reason.IMGUR_BAD_ANSWER, id="no token"),
        pytest.param({"json": fresh("a b")}, Reason.IMGUR_BAD_ANSWER, id="space in token"),
        pytest.param({"json": fresh("a\r\nX: y")}, Reason.IMGUR_BAD_ANSWER, id="line in token"),
        pytest.param({"json": {"access_token": 7}}, Reason.IMGUR_BAD_ANSWER, id="number"),
        pytest.param({"exc": requests.ConnectionError("x")}, Reason.IMGUR_UNREACHABLE, id="down"),
        pytest.param({"exc": requests.ReadTimeout("x")}, Reason.IMGUR_TIMEOUT, id="silent"),
    ],
)
def test_a_refresh_that_fails_for_now(
    make_client: Make, api: requests_mock.Adapter, answer: dict[str, object], reason: Reason
) -> None:
    api.register_uri("POST", REFRESH, [answer])
    tokens = TokenStore()
    first = failure(make_client(ACCOUNT, tokens))
    assert (first.reason, first.transient) == (reason, True)
    assert not first.maybe_stored  # no image has been sent
    second = failure(make_client(ACCOUNT, tokens))
    assert (second.reason, second.transient) == (reason, True)
    assert (second.message, second.scope) == (first.message, first.scope)
    assert second.retry_after is not None
    assert 0 < second.retry_after <= 5
    assert len(api.request_history) == 1


def test_a_rate_limit_on_the_refresh_pauses_all(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    api.register_uri("POST", REFRESH, status_code=429, headers={"Retry-After": "30"})
    with pytest.raises(RateLimitedError) as caught:
        upload(make_client(ACCOUNT))
    assert caught.value.pause_seconds == 30


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [
        ("null", 3600),
        ("0", 3600),
        ("-1", 3600),
        ("true", 3600),
        ("NaN", 3600),
        ("[600]", 3600),
        ('"soon"', 3600),
        ('"-600"', 3600),
        ("600", 600),
        ("600.5", 600.5),
        ('"600"', 600),
        ('" 600.5 "', 600.5),
        ("315360000", 2_592_000),
        ("Infinity", 2_592_000),
        pytest.param("9" * 400, 2_592_000, id="400 digits"),
        pytest.param("9" * 5000, 2_592_000, id="5,000 digits"),
        pytest.param(f'"{"9" * 5000}"', 2_592_000, id="5,000 digits as text"),
    ],
)
def test_the_life_of_a_token_is_bounded_and_never_costs_it(
    make_client: Make, api: requests_mock.Adapter, expires_in: str, life: float
) -> None:
    clock = Clock(0.0)
    body = '{"access_token": "t%d", "expires_in": %s}'
    answers = [{"text": body % (number, expires_in)} for number in (1, 2)]
    api.register_uri("POST", REFRESH, answers)
    api.register_uri("POST", UPLOAD, json=stored())
    tokens = TokenStore(clock)
    for clock.now in (0.0, life * 0.89, life + 1):
        upload(make_client(ACCOUNT, tokens))
    uploads = [call for call in api.request_history if call.url == UPLOAD]
    sent = [call.headers["Authorization"] for call in uploads]
    assert sent == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_renewal_that_fails_leaves_the_old_token_in_use(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    clock = Clock(0.0)
    api.register_uri("POST", REFRESH, [{"json": fresh("t1")}, {"status_code": 500}])
    api.register_uri("POST", UPLOAD, json=stored())
    tokens = TokenStore(clock)
    upload(make_client(ACCOUNT, tokens))
    clock.now = 3500.0
    upload(make_client(ACCOUNT, tokens))
    assert [request.path for request in api.request_history].count("/oauth2/token") == 2
    assert api.request_history[-1].headers["Authorization"] == "Bearer t1"


def test_there_is_no_refresh_after_the_deadline(
    make_client: Make, api: requests_mock.Adapter
) -> None:
    access = ImgurAccess(
        API, "id", client_secret="secret", refresh_token="refresh", upload_seconds=0.0
    )
    error = failure(make_client(access))
    assert (error.reason, error.transient) == (Reason.IMGUR_TIMEOUT, True)
    assert not api.request_history


def test_a_refresh_under_way_elsewhere_is_waited_for_in_time(make_client: Make) -> None:
    tokens = TokenStore()
    assert tokens.token(None, 0.0).permit is not None  # held by a worker that says no more
    access = ImgurAccess(
        API, "id", client_secret="secret", refresh_token="refresh", upload_seconds=0.2
    )
    error = failure(make_client(access, tokens))
    assert error.transient
    assert "another worker" in error.message.lower()


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_no_secret_is_told_even_if_imgur_quotes_it(
    make_client: Make, api: requests_mock.Adapter, status: int
) -> None:
    secrets = ("the-client-id", "the-client-secret", "the-refresh-token", "acc3ss")
    api.register_uri("POST", REFRESH, json=fresh("acc3ss"))
    api.register_uri("POST", UPLOAD, status_code=status, json=refused(status, " ".join(secrets)))
    client = make_client(ACCOUNT)
    error = failure(client)
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    for secret in secrets:
        assert secret not in told
