"""What is told at the start, and what follows from the settings."""

import pytest
from structlog.testing import capture_logs

from imgup.version import VERSION
from service import run
from service.settings.environment import load_settings
from service.settings.machine import usable_cores


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


def test_a_worker_of_a_cluster_has_a_core_whatever_this_machine_has() -> None:
    """It counted on a part of one, and used fewer lanes for it."""
    many = {"WORKER_COUNT": "512", "IMGUR_CLIENT_ID": "id", "BACKEND": "ray"}

    here = run._backend_config(load_settings(many), None)
    there = run._backend_config(load_settings(many | {"RAY_ADDRESS": "head:6379"}), None)

    assert here.worker.core_share == usable_cores() / 512
    assert there.worker.core_share == 1.0


def test_sources_are_told_the_version() -> None:
    config = run._backend_config(load_settings({"IMGUR_CLIENT_ID": "id"}), None)

    assert config.worker.download.user_agent == f"imgup/{VERSION}"
