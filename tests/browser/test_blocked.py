"""The banner that says why uploads have stopped, and that nothing is lost."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import go_to


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
                "message": "Imgur is over capacity.",
                "imgurSays": "Please try again later.",
                "nextProbe": (now + timedelta(minutes=8)).isoformat(),
                "probes": 3,
                "opening": "POST /v1/limits/open",
            }
        route.fulfill(response=real, json=health)

    banner = page.locator("#blocked")
    expect(banner).to_be_hidden()
    page.route("**/readyz", answer)
    expect(banner).to_contain_text("Uploads have stopped since today")
    expect(banner).to_contain_text("“Please try again later.” Nothing is lost.")
    expect(banner).to_contain_text("tried in 8 min")
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
