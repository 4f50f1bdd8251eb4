import pytest
from falcon import testing

from service.requests.headers import wanted_wait


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("", None),
        ("wait=10", 10),
        ("Wait = 10", 10),
        ('wait="10"', 10),
        ("respond-async, wait=10", 10),
        ("return=minimal; x=1, wait=10; y=2", 10),
        ('foo="a, wait=5"; bar, wait=10', 10),
        ("wait=10, wait=20", 10),
        ("wait=0", 0),
        ("wait=999999", 30),
        ("wait=" + "9" * 5000, 30),
        ("wait=" + "0" * 20 + "7", 7),
        ("wait=000", 0),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=x, wait=10", None),
        ("waiting=10", None),
        ("=10, wait=10", 10),
        (", , wait=10", 10),
    ],
)
def test_it_is_read_as_the_rfc_has_it(prefer: str | None, seconds: int | None) -> None:
    headers = {} if prefer is None else {"Prefer": prefer}
    assert wanted_wait(testing.create_req(headers=headers)) == seconds
