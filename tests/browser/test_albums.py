"""An album of the job's own: asked for, shown and deleted on the page."""

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import complete, paste, press, send, tiles
from tests.running_service import RunningService


def test_a_job_has_an_album_that_is_deleted(page: Page, service: RunningService) -> None:
    paste(page, " ".join(f"{service.sandbox}/images/numbered/picture-{n}.png" for n in range(2)))
    page.locator(".options summary").click()
    page.get_by_label("New album").fill("A day")
    with page.expect_response(lambda response: response.request.method == "POST") as posted:
        press(page, "Upload 2 images")
    assert posted.value.request.post_data_json["album"] == {"title": "A day"}
    job = posted.value.json()["jobId"]
    complete(page)
    link = service.status(job)["album"]["link"]
    expect(page.get_by_role("link", name=f"Album {link}")).to_have_attribute("href", link)

    def fail(route: Route) -> None:
        status = service.status(job)
        status["album"] |= {"deleted": "failed", "deletionMessage": "Imgur refused it."}
        route.fulfill(json=status)

    page.route("**/album", lambda route: route.fulfill(status=202, json={}))
    page.route(f"**/{job}?limit=1", fail)
    press(page, "Delete album")
    expect(page.get_by_role("dialog")).to_contain_text("Its images stay")
    press(page, "Delete for ever")
    expect(page.get_by_text("Imgur refused it.")).to_be_visible()

    page.unroute_all()
    press(page, "Delete album")
    press(page, "Delete for ever")
    expect(page.get_by_text("The album is deleted.")).to_be_visible()
    assert service.status(job)["album"]["deleted"] == "done"
    expect(page.get_by_role("button", name="Delete album")).to_have_count(0)
    expect(tiles(page, "complete")).to_have_count(2)


def test_what_imgur_says_of_the_title_stands_there(
    page: Page, service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("422")
    paste(page, f"{service.sandbox}/images/numbered/picture-3.png")
    page.locator(".options summary").click()
    field = page.get_by_label("New album")
    field.evaluate("field => { field.value = 'a'.repeat(256); }")
    press(page, "Upload 1 image")
    expect(page.locator("#option-newAlbum-complaint")).to_contain_text("255 characters")


def test_an_image_that_imgur_changed_says_so(page: Page, service: RunningService) -> None:
    send(page, [f"{service.sandbox}/images/imgur-fault/altered.png"])
    complete(page)
    expect(page.locator(".tile .why")).to_contain_text("Changed by Imgur: JPEG, ")


def test_an_image_that_was_converted_says_so(page: Page, service: RunningService) -> None:
    send(page, [f"{service.sandbox}/images/picture.webp"])
    complete(page)
    expect(page.locator(".tile .why")).to_contain_text("WEBP made JPEG: ")
