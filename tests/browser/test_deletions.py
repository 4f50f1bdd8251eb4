"""Images that are deleted from the page: none of their pictures is asked for after that."""

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import (
    complete,
    copy_all,
    go_to,
    listen_to_clipboard,
    press,
    see_pictures,
    send,
    tiles,
)
from tests.running_service import RunningService

COUNT_PICTURES = """window.fetch = ((ask) => (path, options) => {
  if (options.method === "DELETE") {
    window.picturesLeft = document.querySelectorAll(".tile img[src]").length;
  }
  return ask(path, options);
})(window.fetch); 1"""


def test_an_image_is_deleted(page: Page, service: RunningService) -> None:
    listen_to_clipboard(page)
    job = send(page, [f"{service.sandbox}/images/numbered/deleted-{n}.png" for n in range(2)])
    complete(page)
    see_pictures(page)
    first, second = service.status(job)["uploaded"]["complete"]
    press(page, "Delete deleted-0.png")
    expect(page.get_by_role("dialog")).to_contain_text("deleted-0.png is deleted at Imgur")
    page.keyboard.press("Enter")  # at once: it is kept
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "deleted" not in service.status(job)["results"][0]
    press(page, "Delete deleted-0.png")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_forward()
    press(page, "Delete deleted-0.png")
    press(page, "Delete for ever")
    expect(tiles(page, "deleted").locator(".state")).to_have_text("Deleted")
    expect(page.locator(".tile:focus")).to_have_attribute("data-position", "0")
    assert service.status(job)["results"][0]["deleted"] == "done"
    assert first not in service.get("/v1/images").json()["uploaded"]
    assert copy_all(page, "Links", "1 entry") == second
    page.goto(f"{service.url}/?again#/job/{job}")
    expect(tiles(page, "deleted").locator(".state")).to_have_text("Deleted")
    expect(tiles(page, "complete")).to_have_count(1)


def test_pictures_go_before_the_image_does(
    page: Page, service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("409")
    listen_to_clipboard(page)
    held: list[Route] = []
    page.route("**/images/0", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    job = send(page, [f"{service.sandbox}/images/numbered/leaves-{n}.png" for n in range(2)])
    complete(page)
    see_pictures(page)
    page.evaluate(COUNT_PICTURES)
    delete(page, "leaves-0.png")
    assert page.evaluate("window.picturesLeft") == 1
    expect(tiles(page, "deleted").locator(".state")).to_have_text("Deleting …")

    refusal = {"code": "image-not-deletable", "detail": "Imgur gave no deletehash."}
    held.pop().fulfill(status=409, json=refusal)
    expect(page.locator("#toasts")).to_contain_text("Imgur gave no deletehash.")
    expect(tiles(page, "complete")).to_have_count(2)
    see_pictures(page)

    delete(page, "leaves-0.png")
    links = service.get("/v1/images").json()["uploaded"]
    leaving = service.status(job)["results"][0]["link"]
    go_to(page, "Gallery")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gallery")
    listed = copy_all(page, "Links", "").split("\n")  # of all pages, as other tests leave images
    assert listed == [link for link in links if link != leaving]
    page.go_back()
    expect(tiles(page, "deleted")).to_have_count(1)
    held.pop().continue_()
    service.wait_for("deletion", lambda: "deleted" in service.status(job)["results"][0])


def delete(page: Page, name: str) -> None:
    """Delete an image; returns when the request is sent."""
    press(page, f"Delete {name}")
    with page.expect_request(lambda request: request.method == "DELETE"):
        press(page, "Delete for ever")
