"""A stand-in service, a client that records its waits, and the command line."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from imgup import Client
from imgup.cli import cli
from tests.unit.imgup.stand_in import StandIn


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have waited."""
    return []


@pytest.fixture
def client(stand_in: StandIn, waits: list[float]) -> Iterator[Client]:
    with Client(stand_in.url, "the-key", timeout=10) as made:
        made._connection.sleep = waits.append
        yield made


@pytest.fixture
def imgup(stand_in: StandIn) -> Callable[..., Result]:
    """Run a command against the stand-in."""

    def run(*args: str, stdin: str | bytes = "", **environ: str) -> Result:
        base = {"IMGUP_URL": stand_in.url, "IMGUP_API_KEY": "", "IMGUP_API_KEY_FILE": ""}
        return CliRunner().invoke(cli, args, input=stdin, env=base | environ)

    return run
