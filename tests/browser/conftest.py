"""A Chromium for all tests here, and a tab for each that must stay free of complaints."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.devtools import Chromium, Tab, find_chromium
from tests.running_service import ROOT, RunningService

BUILD = ROOT / "build"
SCREENSHOTS = BUILD / "screenshots"
AXE = "axe-core@4.14.1"


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip("NO CHROMIUM: the page was NOT tested. On Debian: apt-get install chromium")
    browser = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def tab(chromium: Chromium) -> Iterator[Tab]:
    """A tab; errors in its console, and violations of the page's policy, fail the test.

    It is to be asked for after `launch`: a page whose service has gone complains.
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
    """The accessibility checks of axe-core, fetched when they are needed (MPL-2.0, not kept)."""
    folder = BUILD / "axe"
    script = folder / "package" / "axe.min.js"
    if not script.exists():
        _fetch_axe(folder)
    return script.read_text()


def _fetch_axe(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("NO NPM: the page was NOT checked with axe-core")
    folder.mkdir(parents=True, exist_ok=True)
    fetched = subprocess.run(
        [npm, "pack", "--silent", AXE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if fetched.returncode:
        pytest.skip(f"NO AXE-CORE: the page was NOT checked with it; {fetched.stderr[-300:]}")
    archive = folder / fetched.stdout.strip().splitlines()[-1]
    shutil.unpack_archive(archive, folder, filter="data")
