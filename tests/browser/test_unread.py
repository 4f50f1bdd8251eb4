"""Lists of which the page has a part: it takes no part for the whole."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route, expect

from tests.browser.steps import (
    copy_all,
    go_to,
    listen_to_clipboard,
    press,
    send,
    set_hidden,
    tiles,
)
from tests.gate import Gate
from tests.running_service import RunningService


def cursor_of(route: Route, default: str = "") -> str:
    return parse_qs(urlsplit(route.request.url).query).get("cursor", [default])[0]


def test_a_page_of_the_gallery_that_fails_is_read_again(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    pages = {"0": {"uploaded": ["https://i.imgur.com/aaaaa.png"], "next": 1}, "1": None}

    def answer(route: Route) -> None:
        found = pages[cursor_of(route)]
        if found is None:
            route.fulfill(status=503, json={"detail": "Not now."})
        else:
            route.fulfill(json=found)

    page.route("**/v1/images?**", answer)
    page.route("https://i.imgur.com/**", lambda route: route.fulfill(content_type="image/png"))
    listen_to_clipboard(page)
    go_to(page, "Gallery")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Not now.")
    press(page, "Copy all")
    expect(page.locator("#toasts")).to_contain_text("Not now.")
    pages["1"] = {"uploaded": ["https://i.imgur.com/bbbbb.png"], "next": None}
    links = "https://i.imgur.com/aaaaa.png\nhttps://i.imgur.com/bbbbb.png"
    assert copy_all(page, "Links", "2 entries") == links
    expect(main).to_contain_text("2 images, the oldest first")


def test_the_gallery_goes_on_after_a_page_that_failed(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("429")
    asked = []

    def answer(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            problem = {"detail": "Not now."}
            route.fulfill(status=429, json=problem, headers={"Retry-After": "1"})
        else:
            route.fulfill(json={"uploaded": [], "next": None})

    page.route("**/v1/images?**", answer)
    go_to(page, "Gallery")
    expect(page.get_by_role("main")).to_contain_text("No images yet.")


def test_nothing_of_a_job_is_copied_before_all_of_it_is_read(
    page: Page, service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("/events")
    held: list[Route] = []

    def answer(route: Route) -> None:
        if cursor_of(route) == "1":
            held.append(route)
            return
        real = route.fetch()
        job = real.json()
        job["results"], job["next"] = job["results"][:1], 1
        route.fulfill(response=real, json=job)

    page.route("**/events", lambda route: route.abort())
    page.route("**/v1/images/upload/*?cursor=**", answer)
    with page.expect_request("**/v1/images/upload/*?cursor=1&**"):
        send(page, [f"{service.sandbox}/images/numbered/read-{number}.png" for number in range(2)])
    page.locator(".copy select").select_option(label="CSV")
    press(page, "Copy all")
    expect(page.locator("#toasts")).to_contain_text("still being read")
    for route in held:
        route.continue_()


def test_nothing_of_a_job_is_copied_while_its_counts_are_newer(
    page: Page, service: RunningService, gate: Gate
) -> None:
    """As they are when a hidden page is shown again."""
    held: list[Route] = []

    def answer(route: Route) -> None:
        job = route.fetch().json()
        job |= {"status": "complete", "finished": job["created"]}
        job["counts"] |= {"pending": 0, "complete": 1}
        route.fulfill(json=job)

    def hold(route: Route) -> None:
        held.append(route)

    with page.expect_response("**/events"):
        send(page, gate.urls(service.sandbox, "newer", 1))
    expect(page.locator(".tile")).to_have_count(1)
    page.route("**/v1/images/upload/*?limit=1", answer)
    page.route("**/events", hold)
    set_hidden(page, hidden=True)
    expect(page).to_have_title(re.compile("^Complete"))
    with page.expect_request("**/events"):
        set_hidden(page, hidden=False)
    press(page, "Copy all")
    expect(page.locator("#toasts")).to_contain_text("still being read")
    gate.open()
    held[0].continue_()
    expect(tiles(page, "complete")).to_have_count(1)


def test_jobs_are_listed_without_a_gap(page: Page) -> None:
    """After many new ones at once, older ones come behind them, and none twice."""
    newest = 3

    def answer(route: Route) -> None:
        first = int(cursor_of(route, str(newest)))
        numbers = range(first, max(0, first - 2), -1)
        route.fulfill(json={"jobs": [job(number) for number in numbers], "next": first - 2})

    page.route("**/v1/jobs?**", answer)
    go_to(page, "Jobs")
    rows = page.locator(".jobs code")
    expect(rows).to_have_text(["job-0003", "job-0002"])
    newest = 7
    expect(rows).to_have_text(["job-0007", "job-0006"])
    press(page, "Show older jobs")
    expect(rows).to_have_text(["job-0007", "job-0006", "job-0005", "job-0004"])
    newest = 8
    expect(rows).to_have_text([f"job-000{number}" for number in (8, 7, 6, 5, 4)])


def test_a_button_that_waited_has_the_focus_again(page: Page) -> None:
    held: list[Route] = []

    def answer(route: Route) -> None:
        if cursor_of(route):
            held.append(route)
        else:
            route.fulfill(json={"jobs": [job(3), job(2)], "next": 1})

    page.route("**/v1/jobs?**", answer)
    go_to(page, "Jobs")
    older = page.get_by_role("button", name="Show older jobs")
    with page.expect_request("**/v1/jobs?*cursor=1"):
        older.press("Enter")
    expect(page.locator(":focus")).to_have_count(0)
    held.pop().fulfill(json={"jobs": [job(1)], "next": 0})
    expect(older).to_be_focused()


def test_forgotten_jobs_leave_the_list_and_older_ones_take_their_places(page: Page) -> None:
    page.clock.install(time="2026-11-24T12:30:00Z")
    numbers = [4, 3, 2]
    page.route(
        "**/v1/jobs?**",
        lambda route: route.fulfill(json={"jobs": [job(one) for one in numbers], "next": None}),
    )
    go_to(page, "Jobs")
    rows = page.locator(".jobs code")
    expect(rows).to_have_text(["job-0004", "job-0003", "job-0002"])
    expect(page.locator(".jobs .when").first).to_contain_text("Today")
    numbers = [5, 4, 2, 1]
    page.clock.set_system_time("2026-11-26T12:30:00Z")
    page.clock.run_for(4_000)
    expect(rows).to_have_text(["job-0005", "job-0004", "job-0002", "job-0001"])
    expect(page.locator(".jobs .when").last).not_to_contain_text("Today")
    expect(page.locator(".jobs .when").nth(2)).not_to_contain_text("Today")


def job(number: int) -> dict[str, Any]:
    counts = {"pending": 0, "complete": 1, "failed": 0, "total": 1}
    created = "2026-11-24T12:00:00.000Z"
    return {"id": f"job-{number:04}", "created": created, "status": "complete", "counts": counts}
