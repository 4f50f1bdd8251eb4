import pytest

from workers.download.statuses import MAX_RETRY_AFTER, error_for, retry_after
from workers.errors import Reason, SourceOverloadedError

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("status", "reason", "transient"),
    [
        (204, Reason.SOURCE_STATUS, False),
        (206, Reason.SOURCE_STATUS, False),
        (304, Reason.SOURCE_STATUS, False),
        (400, Reason.SOURCE_STATUS, False),
        (401, Reason.SOURCE_REFUSED, False),
        (403, Reason.SOURCE_REFUSED, False),
        (404, Reason.SOURCE_NOT_FOUND, False),
        (407, Reason.SOURCE_REFUSED, False),
        (408, Reason.SOURCE_ERROR, True),
        (410, Reason.SOURCE_NOT_FOUND, False),
        (418, Reason.SOURCE_STATUS, False),
        (425, Reason.SOURCE_ERROR, True),
        (429, Reason.SOURCE_RATE_LIMITED, True),
        (451, Reason.SOURCE_REFUSED, False),
        (499, Reason.SOURCE_STATUS, False),
        (500, Reason.SOURCE_ERROR, True),
        (503, Reason.SOURCE_ERROR, True),
        (599, Reason.SOURCE_ERROR, True),
        (999, Reason.SOURCE_ERROR, True),
    ],
)
def test_status(status: int, reason: Reason, *, transient: bool) -> None:
    error = error_for(status, {})

    assert error.reason is reason
    assert error.transient is transient
    assert str(status) in error.message
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("status", "is_overloaded"),
    [(429, True), (503, True), (500, False), (502, False), (408, False), (404, False)],
)
def test_who_is_overloaded(status: int, *, is_overloaded: bool) -> None:
    assert isinstance(error_for(status, {}), SourceOverloadedError) is is_overloaded


@pytest.mark.parametrize(("status", "expected"), [(429, 7.0), (503, 7.0), (404, None)])
def test_retry_after_counts_where_another_attempt_does(status: int, expected: float | None) -> None:
    assert error_for(status, {"Retry-After": "7"}).retry_after == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("86400", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("Tue, 14 Nov 2099 22:00:00 GMT", MAX_RETRY_AFTER),
        ("Tue, 99 Nov 2023 22:13:50 GMT", None),
    ],
)
def test_retry_after(value: str | None, expected: float | None) -> None:
    assert retry_after(value, NOW) == expected
