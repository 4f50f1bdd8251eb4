"""Why uploads wait: the banner of those that have stopped, and the budget."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import go_to
from tests.moody_imgur import MoodyImgur
from tests.running_service import Launch


def test_a_banner_says_why_uploads_have_stopped_and_goes_when_they_go_on(page: Page) -> None:
    stopped = True

    def answer(route: Route) -> None:
        real = route.fetch()
        health = real.json()
        if stopped:
            now = datetime.now(UTC)
            health["blocked"] = {
                "since": now.isoformat(),
                "reason": "imgur-over-capacity",
                "message": "The network does not reach the Imgur API.",
                "imgurSays": "",
                "nextProbe": (now + timedelta(minutes=8)).isoformat(),
                "probes": 3,
                "opening": "POST /v1/limits/open",
            }
        route.fulfill(response=real, json=health)

    banner = page.locator("#blocked")
    expect(banner).to_be_hidden()
    page.route("**/readyz", answer)
    expect(banner).to_contain_text("Uploads have stopped since today")
    expect(banner).to_contain_text("does not reach the Imgur API. Nothing is lost.")
    expect(banner).to_contain_text("tried in 8 min")
    expect(page.locator("#announcer")).to_contain_text("Uploads have stopped since today")
    stopped = False
    expect(banner).to_be_hidden()


def test_the_budget_is_on_the_status_page(page: Page) -> None:
    def answer(route: Route) -> None:
        real = route.fetch()
        limits = real.json()
        limits["budget"] = {"day": {"limit": 1250, "remaining": 1200, "next": None}}
        limits["uploadsOfOthers"] = 40
        route.fulfill(response=real, json=limits)

    page.route("**/v1/limits", answer)
    go_to(page, "Status")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Uploads of this service in any day")
    expect(main).to_contain_text("1,200 of 1,250")
    expect(main).to_contain_text("40 uploads with this client id came from elsewhere")


def test_nothing_waits_for_the_limits_of_the_sandbox(page: Page) -> None:
    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, json=real.json() | {"queued_urls": 100_000})

    page.route("**/readyz", answer)
    page.route("**/v1/limits", with_credits)
    go_to(page, "Status")
    expect(page.get_by_role("main")).to_contain_text("100,000 images")
    expect(page.locator(".outlook")).to_have_text("Enough for 12 more images.")


def with_credits(route: Route) -> None:
    real = route.fetch()
    limits = real.json()
    limits["credits"]["client"] = {"limit": 12_500, "remaining": 125, "reset": None}
    route.fulfill(response=real, json=limits)


def test_a_job_says_how_many_days_the_budget_makes_of_it(
    new_page: Callable[..., Page], launch: Launch
) -> None:
    with MoodyImgur() as imgur:
        few_lanes = {"WORKER_COUNT": "1", "WORKER_CONCURRENCY": "1"}
        service = launch(**imgur.settings | few_lanes).wait_until_ready()
        job_id = service.submit(imgur.urls(4000))
        page = new_page()
        page.goto(f"{service.url}/#/job/{job_id}")
        expect(page.get_by_role("main")).to_contain_text("About 3 days to go: 1,250 a day")
        page.close()
        service.close()


def test_a_job_says_why_it_waits(new_page: Callable[..., Page], launch: Launch) -> None:
    with MoodyImgur() as imgur:
        service = launch(IMGUR_UPLOADS_PER_DAY="1", **imgur.settings).wait_until_ready()
        job_id = service.submit(imgur.urls(3))
        page = new_page()
        page.goto(f"{service.url}/#/job/{job_id}")
        outlook = page.get_by_text("about 2 days to go: 1 a day")  # upper and lower case are one
        expect(outlook).to_contain_text("Uploads wait for IMGUR_UPLOADS_PER_DAY (1); the next")
        expect(page.get_by_text("Trying again")).to_have_count(0)
        page.close()
        service.close()
