"""A Chromium and a service for all tests here, and pages whose console must stay free of errors."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.steps import open_front
from tests.gate import ALLOWED
from tests.running_service import PATIENCE_SECONDS, ROOT, Launch, RunningService, launcher

AXE = ROOT / "build" / "axe-core" / "axe.min.js"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The first three: for them each context's window starts processes that no test needs, half of what
# the browser computes. The others are Playwright's own, as one list replaces the other.
DISABLED_FEATURES = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "PreconnectToSearch",
)
# Besides Playwright's own, which leave out updates, sync and the sandbox. Only loopback is asked.
FLAGS = (
    f"--disable-features={','.join(DISABLED_FEATURES)}",
    "--disable-gpu",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

expect.set_options(timeout=PATIENCE_SECONDS * 1_000)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Its path."""
    program = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("NO CHROMIUM: the page was NOT tested. On Debian: apt-get install chromium")
    return program


# Not for the session: while Playwright runs, no other event loop can run in its thread.
@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service in sandbox mode for all; none where there is no Chromium."""
    with launcher(tmp_path_factory.mktemp("service")) as start:
        yield start(**ALLOWED).wait_until_ready()


@pytest.fixture
def expected_errors() -> list[str]:
    """Parts of the console's errors that the test provokes on purpose."""
    return []


@pytest.fixture
def new_page(
    browser: Browser, launch: Launch, expected_errors: list[str]
) -> Iterator[Callable[..., Page]]:
    """Make a page that shares nothing with others, by options of `Browser.new_context`; errors in
    its console, and violations of its policy, fail the test.

    It depends on `launch` so that it is closed before any service is: a page whose service has
    gone complains.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(**options) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_SECONDS * 1_000)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on(
            "console",
            lambda message: (
                message.type == "error"
                and errors.append(f"{message.text} {message.location['url']}")
            ),
        )
        return context.new_page()

    yield make
    for context in contexts:
        for page in context.pages:
            page.evaluate("1")  # what was on its way has arrived by then
        context.close()
    assert [e for e in errors if not any(part in e for part in expected_errors)] == []


@pytest.fixture
def page(new_page: Callable[..., Page], service: RunningService) -> Page:
    """The page of a service in sandbox mode."""
    assert service.process.poll() is None, (
        f"it has ended; its log says:\n{service.log_text[-8000:]}"
    )
    return open_front(new_page(), service)


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checks of axe-core, which `make` fetches; empty where it could not."""
    return AXE.read_text() if AXE.exists() else ""
