from collections.abc import Iterator

import pytest

from tests.gate import ALLOWED
from tests.running_service import RunningService, launcher


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service in sandbox mode, shared by all tests of this folder that do it no harm.

    Jobs of others are in its lists, figures and log; none is under way when a test ends.
    """
    with launcher(tmp_path_factory.mktemp("service")) as start:
        yield start(is_measured=True, **ALLOWED).wait_until_ready()
