import pytest

from workers.contract.messages.outcomes import Altered
from workers.worker.imgur.client import read_altered

SENT = Altered("image/png", 6_000_000)


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        ({"type": "image/png", "size": 6_000_000}, None),
        ({"type": "image/jpeg", "size": 900_000}, Altered("image/jpeg", 900_000)),
        ({"type": "image/png", "size": 5_999_999}, Altered("image/png", 5_999_999)),
        ({"type": "image/jpeg"}, Altered("image/jpeg", 6_000_000)),
        ({}, None),
        ({"type": None, "size": None}, None),
        ({"type": ["image/jpeg"], "size": "900000"}, None),
        ({"type": "<script>", "size": -1}, None),
        ({"type": "IMAGE/JPEG", "size": 2**70}, None),
        ({"type": "image/" + "x" * 50, "size": True}, None),
        ({"type": "image/png", "size": 1.5}, None),
    ],
)
def test_what_imgur_says_it_stored(data: dict[str, object], stored: Altered | None) -> None:
    assert read_altered(data, SENT) == stored
