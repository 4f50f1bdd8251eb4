from email.utils import formatdate

import pytest
from requests.structures import CaseInsensitiveDict

from workers.worker.imgur.rate_limit import (
    pause_after_refusal,
    pause_after_upload,
    read_quota,
    spent_limits,
    wait_asked_for,
)

NOW = 1_700_000_000.0

POST_SPENT = {"X-Post-Rate-Limit-Remaining": "0", "X-Post-Rate-Limit-Reset": "3569"}
POST_LEFT = {"X-Post-Rate-Limit-Remaining": "1", "X-Post-Rate-Limit-Reset": "3569"}
USER_SPENT = {"X-RateLimit-UserRemaining": "0", "X-RateLimit-UserReset": "1800"}
USER_LEFT = {"X-RateLimit-UserRemaining": "10", "X-RateLimit-UserReset": "1800"}
CLIENT_SPENT = {"X-RateLimit-ClientRemaining": "0", "X-RateLimit-ClientReset": "86400"}
CLIENT_LEFT = {"X-RateLimit-ClientRemaining": "12490", "X-RateLimit-ClientReset": "86400"}


def headers(*parts: dict[str, str]) -> CaseInsensitiveDict[str]:
    merged: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for part in parts:
        merged.update(part)
    return merged


@pytest.mark.parametrize(
    ("parts", "pause"),
    [
        pytest.param((), None, id="nothing said"),
        pytest.param((POST_LEFT, USER_LEFT, CLIENT_LEFT), None, id="enough of everything"),
        pytest.param((POST_SPENT,), 3569, id="posts"),
        pytest.param((USER_SPENT,), 1800, id="user"),
        pytest.param((CLIENT_SPENT,), 86400, id="client"),
        pytest.param((POST_SPENT, USER_LEFT, CLIENT_LEFT), 3569, id="only the spent one counts"),
        pytest.param((POST_LEFT, USER_SPENT, CLIENT_LEFT), 1800, id="the shortest, but spent"),
        pytest.param((POST_SPENT, USER_SPENT), 3569, id="the last of those spent"),
        pytest.param(({**USER_SPENT, "X-RateLimit-UserRemaining": "9"},), 1800, id="9 credits"),
        pytest.param(({**USER_SPENT, "X-RateLimit-UserRemaining": "10"},), None, id="10 credits"),
        pytest.param(({**USER_SPENT, "X-RateLimit-UserRemaining": "-3"},), 1800, id="overdrawn"),
        pytest.param(({**USER_SPENT, "X-RateLimit-UserRemaining": "x"},), None, id="junk count"),
        pytest.param(({"X-RateLimit-UserRemaining": "0"},), 60, id="no reset"),
        pytest.param(({**POST_SPENT, "X-Post-Rate-Limit-Reset": "soon"},), 60, id="junk reset"),
        pytest.param(({**POST_SPENT, "X-Post-Rate-Limit-Reset": "0"},), 1, id="due now"),
        pytest.param(({**POST_SPENT, "X-Post-Rate-Limit-Reset": "999999"},), 86400, id="bounded"),
        pytest.param(
            ({**USER_SPENT, "X-RateLimit-UserReset": str(int(NOW) + 900)},), 900, id="epoch"
        ),
        pytest.param(
            ({**USER_SPENT, "X-RateLimit-UserReset": str(int(NOW) - 900)},), 1, id="epoch past"
        ),
        pytest.param(
            ({**USER_SPENT, "X-RateLimit-UserReset": f"{NOW + 12.5}"},), 12.5, id="epoch, fraction"
        ),
        pytest.param(({"x-post-rate-limit-remaining": "0"},), 60, id="lower-case name"),
    ],
)
def test_pause_after_upload(parts: tuple[dict[str, str], ...], pause: float | None) -> None:
    quota = read_quota(headers(*parts), NOW)
    assert pause_after_upload(quota) == pause
    assert bool(spent_limits(quota)) is (pause is not None)


@pytest.mark.parametrize(
    ("parts", "sentence", "pause"),
    [
        pytest.param((), "", None, id="nothing said"),
        pytest.param((POST_LEFT, USER_LEFT, CLIENT_LEFT), "", None, id="enough of everything"),
        pytest.param((), "Please wait 59 more minutes.", 3540, id="minutes"),
        pytest.param((), "Please wait 1 more minute.", 60, id="minute"),
        pytest.param((), "please WAIT 90 seconds", 90, id="seconds"),
        pytest.param((), "Please wait another 2 hours", 7200, id="hours"),
        pytest.param((), "Please wait 999999 more hours", 86400, id="sentence bounded"),
        pytest.param((), "Please wait 0 more minutes.", 1, id="no minutes more"),
        pytest.param(({"Retry-After": "30"},), "", 30, id="Retry-After"),
        pytest.param(({"Retry-After": "30"}, POST_LEFT, CLIENT_LEFT), "", 30, id="of this refusal"),
        pytest.param(({"Retry-After": "30"}, USER_SPENT), "", 1800, id="spent one is longer"),
        pytest.param(({"Retry-After": "4000"}, USER_SPENT), "", 4000, id="Retry-After is longer"),
        pytest.param((USER_SPENT,), "Please wait 59 more minutes.", 3540, id="sentence is longer"),
        pytest.param((POST_SPENT, CLIENT_LEFT), "", 3569, id="spent"),
        pytest.param((POST_SPENT, CLIENT_SPENT), "", 86400, id="last of those spent"),
        pytest.param(
            ({"X-Post-Rate-Limit-Reset": "3569", "X-RateLimit-ClientReset": "86400"},),
            "",
            3569,
            id="resets without counts: the shortest",
        ),
        pytest.param(
            ({"X-Post-Rate-Limit-Reset": "3569"}, USER_LEFT), "", 3569, id="the uncounted one"
        ),
        pytest.param((USER_LEFT,), "", None, id="reset of one with enough left"),
    ],
)
def test_pause_after_refusal(
    parts: tuple[dict[str, str], ...], sentence: str, pause: float | None
) -> None:
    quota = read_quota(headers(*parts), NOW)
    assert pause_after_refusal(quota, headers(*parts), sentence, NOW) == pause


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("soon", None),
        ("120", 120),
        ("0", 1),
        ("99999999", 86400),
        ("30, 90", 90),
        (formatdate(NOW - 90, usegmt=True), 1),
    ],
)
def test_the_wait_of_retry_after_is_bounded(value: str | None, seconds: float | None) -> None:
    given = headers() if value is None else headers({"Retry-After": value})
    assert wait_asked_for(given, NOW) == seconds
