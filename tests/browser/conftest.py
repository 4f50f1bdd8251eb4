"""A Chromium and a service for all tests here, and a tab for each that must stay free of
complaints.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.browser.devtools import Chromium, Tab, find_chromium
from tests.running_service import ROOT, RunningService

SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / "build" / "axe-core" / "axe.min.js"
PICTURES = (
    "[...document.querySelectorAll('.tile[data-state=complete] img')]"
    ".every((image) => image.naturalWidth > 0)"
)
"""Whether all tiles of uploaded images show them."""


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip("NO CHROMIUM: the page was NOT tested. On Debian: apt-get install chromium")
    browser = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def service(
    chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """One service in sandbox mode for all; none where there is no Chromium."""
    running = RunningService(tmp_path_factory.mktemp("service") / "service.log", {})
    try:
        yield running.wait_until_ready()
    finally:
        running.close()


@pytest.fixture
def tab(chromium: Chromium, launch: Callable[..., RunningService]) -> Iterator[Tab]:
    """A tab; errors in its console, and violations of the page's policy, fail the test.

    It depends on `launch` so that it is closed before any service is: a page whose service has
    gone complains.
    """
    tab = chromium.new_tab()
    tab.look()
    yield tab
    complaints = [
        complaint
        for complaint in tab.complaints()
        if not any(expected in complaint for expected in tab.expected)
    ]
    tab.close()
    assert complaints == []


@pytest.fixture
def page(tab: Tab, service: RunningService) -> Tab:
    """The page of a service in sandbox mode."""
    tab.open(service.url + "/")
    tab.wait_text("Sandbox.")
    return tab


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checks of axe-core, which `make` fetches; empty where it could not."""
    return AXE.read_text() if AXE.exists() else ""
