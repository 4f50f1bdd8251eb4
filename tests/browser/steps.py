"""What a person does again and again on the page, as steps of tests."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.running_service import ROOT, RunningService
from tests.waiting import wait_until

JOB = re.compile("#/job/")
SCREENSHOTS = ROOT / "build" / "screenshots"


def open_front(page: Page, service: RunningService) -> Page:
    page.goto(service.url + "/")
    expect(page.locator("#sandbox")).to_contain_text("Sandbox.")
    return page


def go_to(page: Page, view: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=view, exact=True).click()


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button).first.click()


def paste(page: Page, text: str) -> None:
    """Put a text into the box for links, as a paste does."""
    page.locator("#links").fill(text)


def send(page: Page, urls: list[str]) -> str:
    """Paste, send, wait for the job's view; its id."""
    paste(page, "\n".join(urls))
    press(page, "Upload ")
    page.wait_for_url(JOB)
    return page.url.rpartition("/")[2]


def complete(page: Page, state: str = "Complete") -> None:
    expect(page.locator(".head .pill")).to_have_text(state)


def tiles(page: Page, state: str) -> Locator:
    return page.locator(f".tile[data-state={state}]")


def see_pictures(page: Page) -> None:
    """Wait until all tiles of uploaded images show them."""
    pictures = tiles(page, "complete").locator("img")
    expect(pictures).not_to_have_count(0)
    for picture in pictures.all():
        expect(picture).not_to_have_js_property("naturalWidth", 0)


def listen_to_clipboard(page: Page) -> None:
    page.evaluate(
        "window.copied = []; Object.defineProperty(navigator, 'clipboard', { value:"
        " { writeText: async (text) => { window.copied.push(text); } } }); 1"
    )


def copy_all(page: Page, label: str, count: str) -> str:
    page.locator(".copy select").select_option(label=label)
    press(page, "Copy all")
    expect(page.locator("#toasts")).to_contain_text(f"{count} as {label}")
    return page.evaluate("window.copied.pop()")


def set_hidden(page: Page, *, hidden: bool) -> None:
    """Make the page see that its tab is hidden or shown; without a window all are shown."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def pass_time(page: Page, milliseconds: int, condition: Callable[[], object]) -> None:
    """Let the page's own clock go on by so much again and again, until the condition is true."""

    def is_so() -> object:
        page.clock.run_for(milliseconds)
        return condition()

    wait_until(is_so)


HAND_OVER = """(links, [kind, name, texts, files]) => {
  const data = new DataTransfer();
  for (const [type, text] of Object.entries(texts)) data.setData(type, text);
  for (const [name, type, text] of files) data.items.add(new File([text], name, { type }));
  const init = { dataTransfer: data, clipboardData: data, bubbles: true, cancelable: true };
  links.dispatchEvent(new window[kind](name, init));
}"""


def drop(page: Page, texts: dict[str, str], *files: tuple[str, str, str]) -> None:
    """Drop texts, by their type, and files: name, type and text."""
    page.locator("#links").evaluate(HAND_OVER, ["DragEvent", "drop", texts, files])


def paste_as(page: Page, texts: dict[str, str], *files: tuple[str, str, str]) -> None:
    """Paste what another program has put into the clipboard: as `drop`."""
    page.locator("#links").evaluate(HAND_OVER, ["ClipboardEvent", "paste", texts, files])
