"""What every unit test can count on."""

import pytest
import structlog


@pytest.fixture(autouse=True)
def _usual_logging() -> None:
    """Whatever an earlier test of this process has configured; which those are, is chance."""
    structlog.reset_defaults()
