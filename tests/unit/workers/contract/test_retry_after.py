from email.utils import formatdate

import pytest

from workers.contract.retry_after import retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("soon", None, id="word"),
        pytest.param("nan", None, id="not a number"),
        pytest.param("-5", None, id="negative"),
        pytest.param("٣", None, id="digits of another script"),
        pytest.param("0", 0.0, id="at once"),
        pytest.param(" 120 ", 120.0, id="seconds"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("99999999", 99999999.0, id="unbounded"),
        pytest.param(str(int(NOW) + 60), 60.0, id="epoch time"),
        pytest.param(str(int(NOW) - 60), 0.0, id="epoch time that has passed"),
        pytest.param(date(90), 90.0, id="date"),
        pytest.param("Tue, 14 Nov 2023 22:13:50 -0000", 30.0, id="date without a zone"),
        pytest.param("Tuesday, 14-Nov-23 22:13:50 GMT", 30.0, id="date of RFC 850"),
        pytest.param("Tue Nov 14 22:13:50 2023", 30.0, id="date of asctime"),
        pytest.param("14 Nov 2023 22:13:50 GMT", 30.0, id="date without a weekday"),
        pytest.param(date(-90), 0.0, id="date that has passed"),
        pytest.param("Wed, 99 Foo 2025 99:99:99 GMT", None, id="no date"),
        pytest.param("Tue,", None, id="weekday alone"),
        pytest.param("30, 90", 90.0, id="twice"),
        pytest.param("90, 30", 90.0, id="twice, the longer first"),
        pytest.param("30, 30", 30.0, id="twice the same"),
        pytest.param(f"{date(90)}, {date(30)}", 90.0, id="two dates"),
        pytest.param(f"30, {date(90)}", 90.0, id="seconds and a date"),
        pytest.param(f"{date(90)}, 120", 120.0, id="a date and seconds"),
        pytest.param(f"soon, {date(90)}, , -5", 90.0, id="the one that makes sense"),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize("value", ["9" * 60_000, "9, " * 20_000, "Tue, " * 10_000])
def test_a_header_of_any_length_is_read_in_bounded_time(value: str) -> None:
    wait = retry_after(value, NOW)
    assert wait is None or wait >= 9
