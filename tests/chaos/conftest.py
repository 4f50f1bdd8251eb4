"""Figures of a run, shown at its end."""

from collections.abc import Callable

import pytest

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Note a figure of this test for the end of the run."""
    figures = request.config.stash.setdefault(_FIGURES, [])

    def add(text: str) -> None:
        figures.append(f"{request.node.name}: {text}")

    return add


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash.get(_FIGURES, [])
    if figures:
        terminalreporter.section("chaos figures")
        for figure in figures:
            terminalreporter.write_line(figure)
