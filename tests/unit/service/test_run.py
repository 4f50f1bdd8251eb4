"""What is told at the start."""

import pytest
from structlog.testing import capture_logs

from service import run
from service.settings.environment import load_settings


@pytest.mark.parametrize(
    ("environ", "warnings"),
    [
        ({"MAX_STATE_BYTES": "1GiB"}, 0),
        ({"MAX_STATE_BYTES": "8GiB"}, 1),
        ({"MAX_STATE_BYTES": "8GiB", "BACKEND": "ray", "RAY_ADDRESS": "head:6379"}, 0),
    ],
    ids=["fits", "exceeds", "elsewhere"],
)
def test_more_state_than_memory_is_a_warning(environ: dict[str, str], warnings: int) -> None:
    with capture_logs() as lines:
        run._warn_of_memory(load_settings(environ), 2 * 1024**3)

    assert [line["log_level"] for line in lines] == ["warning"] * warnings
