import pytest

from workers.contract.errors import Reason, SourceOverloadedError
from workers.worker.http.statuses import MAX_RETRY_AFTER, error_for, is_image, is_placeholder


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
        ("soon", None),
        ("1.5", 1.5),
        ("86400", MAX_RETRY_AFTER),
        ("9" * 5000, MAX_RETRY_AFTER),
        ("7, 9", 9.0),
        ("Tue, 14 Nov 2099 22:00:00 GMT", MAX_RETRY_AFTER),
    ],
)
def test_the_wait_is_bounded(value: str | None, expected: float | None) -> None:
    headers = {} if value is None else {"Retry-After": value}

    assert error_for(429, headers).retry_after == expected


@pytest.mark.parametrize(
    ("status", "content_range", "expected"),
    [
        (200, None, True),
        (201, None, True),
        (203, None, True),
        (202, None, True),
        (226, None, True),
        (204, None, False),
        (205, None, False),
        (300, None, False),
        (206, None, True),
        (206, "bytes 0-99/100", True),
        (206, "BYTES 0-99/100", True),
        (206, "bytes=0 - 99 / 100", True),
        (206, "0-99/100", True),
        (206, "all", False),
        (206, "bytes 0-98/100", False),
        (206, "bytes 1-99/100", False),
        (206, "bytes 0-99/*", False),
        (404, None, False),
    ],
)
def test_which_answers_are_the_image(
    status: int, content_range: str | None, *, expected: bool
) -> None:
    headers = {} if content_range is None else {"Content-Range": content_range}

    assert is_image(status, headers) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://i.imgur.com/removed.png", True),
        ("http://i.imgur.com/removed.png?1", True),
        ("https://s.yimg.com/pw/images/en-us/photo_unavailable.png", True),
        ("https://s.yimg.com/pw/images/en-us/photo_unavailable_l.png", True),
        ("https://s.yimg.com/pw/images/en-us/photo_unavailable_h.png", True),
        ("http://l.yimg.com/g/images/photo_unavailable.gif", True),
        ("https://s.yimg.com/pw/images/en-us/photo_unavailable_l.png/x", False),
        ("https://s.yimg.com.example/pw/images/en-us/photo_unavailable.png", False),
        ("https://i.imgur.com/removed.png/x", False),
        ("https://images.example/removed.png", False),
    ],
)
def test_placeholders(url: str, *, expected: bool) -> None:
    assert is_placeholder(url) is expected
