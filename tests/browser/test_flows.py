"""What a person does with the page, in a real browser, against the running service and sandbox."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.steps import (
    JOB,
    SCREENSHOTS,
    complete,
    copy_all,
    go_to,
    listen_to_clipboard,
    open_front,
    pass_time,
    paste,
    press,
    see_pictures,
    send,
    set_hidden,
    tiles,
)
from tests.gate import Gate
from tests.running_service import Launch, RunningService


def test_links_are_pasted_checked_sent_and_taken_away(page: Page, service: RunningService) -> None:
    images = service.sandbox + "/images"
    paste(
        page,
        f"{images}/photo.jpg\nsee {images}/drawing.png and ![a]({images}/photo.jpg)\n"
        f"{images}/photo.jpg\nftp://example.com/a.png\nno link at all\n"
        f"{service.sandbox}/faults/html",
    )
    expect(page.locator(".sum")).to_have_text(
        "3 images are ready · 2 duplicates set aside · 2 entries cannot be used"
    )
    expect(page.locator(".aside")).to_contain_text("begins with ftp:")
    expect(page.locator(".aside")).to_contain_text("no link at all")
    press(page, "Upload 3 images")
    complete(page, "Partly failed")
    expect(tiles(page, "complete")).to_have_count(2)
    expect(tiles(page, "failed")).to_contain_text(
        "The source answered with a web page, not an image."
    )
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")
    see_pictures(page)
    assert service.status(page.url.rpartition("/")[2])["counts"]["complete"] == 2


def test_what_failed_is_sent_again(page: Page, service: RunningService) -> None:
    first = send(
        page, [f"{service.sandbox}/faults/status/404", f"{service.sandbox}/images/small.png"]
    )
    complete(page, "Partly failed")
    press(page, "Retry failed")
    main = page.get_by_role("main")
    expect(main).to_contain_text(f"what failed of job {first[:8]}")
    second = page.url.rpartition("/")[2]
    expect(main).to_contain_text("0 of 1 uploaded · 1 failed")
    assert service.status(second)["retryOf"] == first
    page.get_by_role("link", name=f"job {first[:8]}").click()
    expect(main).to_contain_text(f"sent again as job {second[:8]}")
    expect(page.get_by_role("button", name="Retry failed")).to_be_hidden()


def test_a_job_is_cancelled(page: Page, service: RunningService) -> None:
    send(
        page, [f"{service.sandbox}/faults/latency/1500/images/numbered/{n}.png" for n in range(400)]
    )
    press(page, "Cancel")
    complete(page, "Cancelled")
    page.locator(".tabs").get_by_role("button", name="Failed").click()
    expect(tiles(page, "failed").first).to_contain_text("cancelled")


FORMS = {
    "Links": "{}",
    "Markdown": "![]({})",
    "BBCode": "[img]{}[/img]",
    "HTML": '<img src="{}" alt="">',
}


def test_links_are_taken_away(page: Page, service: RunningService) -> None:
    listen_to_clipboard(page)
    urls = [f"{service.sandbox}/images/small.png?a=1,2", f"{service.sandbox}/faults/empty"]
    job = send(page, urls)
    complete(page, "Partly failed")
    (link,) = service.status(job)["uploaded"]["complete"]
    for label, line in FORMS.items():
        assert copy_all(page, label, "1 entry") == line.format(link)
    press(page, "Copy the link of small.png")
    expect(page.locator("#toasts")).to_contain_text("The link is copied.")
    assert page.evaluate("window.copied.pop()") == link
    head, first, second = copy_all(page, "CSV", "2 entries").split("\r\n")
    assert head == "url,state,link,reason,message"
    assert first == f'"{urls[0]}",complete,{link},,'
    assert second.startswith(f"{urls[1]},failed,,empty,")
    page.locator(".copy select").select_option(label="Links")
    with page.expect_download() as download:
        press(page, "Save")
    assert download.value.suggested_filename == f"imgup-{job[:8]}.txt"
    assert download.value.path().read_text().splitlines() == [link]
    page.locator(".copy select").select_option(label="CSV")
    with page.expect_download() as download:
        press(page, "Save")
    assert download.value.path().read_bytes().startswith(b"\xef\xbb\xbfurl,")  # for Excel


def test_history_and_gallery(page: Page, service: RunningService) -> None:
    job = send(page, [f"{service.sandbox}/images/numbered/gallery.png"])
    complete(page)
    go_to(page, "Jobs")
    expect(page.locator(".jobs")).to_contain_text(job[:8])
    go_to(page, "Gallery")
    links = service.get("/v1/images").json()["uploaded"]
    first_page = min(len(links), 200)  # other tests leave images, too
    expect(page.get_by_role("main")).to_contain_text(f"{first_page} image")
    see_pictures(page)
    expect(page.locator(".tile a").first).to_have_attribute("href", links[0])
    go_to(page, "Jobs")
    page.locator(".jobs a").filter(has_text=job[:8]).click()
    expect(page.locator("p.figures")).to_have_text("1 of 1 uploaded")


def test_allowance_workers_and_queue(page: Page, service: RunningService) -> None:
    service.upload_all([f"{service.sandbox}/images/small.png"])  # Imgur's answer tells of credits
    go_to(page, "Status")
    main = page.get_by_role("main")
    expect(main).to_contain_text("2 of 2 ready")
    expect(main).to_contain_text("Credits of the application")
    expect(page.locator(".outlook")).to_contain_text(re.compile(r"Enough for [\d,]+ more"))
    expect(page.locator("#health")).to_have_text("Ready · 2 workers")


def test_a_refused_question_for_readiness_is_no_state(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    problem = {"detail": "Too many connections are open."}
    page.route("**/readyz", lambda route: route.fulfill(status=503, json=problem))
    go_to(page, "Status")
    expect(page.get_by_role("main")).to_have_text("StatusToo many connections are open.")
    expect(page.locator("#health")).to_have_text("Not reached")


def test_the_sandbox_is_told_of_also_after_a_failure(
    new_page: Callable[..., Page], service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("503")
    page = new_page()
    refusals = ["once"]

    def answer(route: Route) -> None:
        if refusals and route.request.resource_type == "fetch":
            route.fulfill(status=503, json={"detail": refusals.pop()})
        else:
            route.continue_()

    page.route(f"{service.url}/", answer)
    open_front(page, service)
    assert not refusals


def test_samples_are_loaded_with_one_click(page: Page, service: RunningService) -> None:
    paste(page, f"{service.sandbox}/images/numbered/typed.png")
    go_to(page, "Status")
    press(page, "Load the sample images")
    expect(page.locator(".sum")).to_contain_text("18 images are ready")  # what was typed stays
    page.keyboard.press("Enter")  # the button to send has the focus
    complete(page, "Partly failed")
    expect(tiles(page, "failed")).to_have_count(2)


def test_by_keyboard_alone(page: Page, service: RunningService) -> None:
    listen_to_clipboard(page)
    page.locator("#links").blur()
    go_by_tab(page, "document.activeElement.id === 'links'")
    page.keyboard.insert_text(
        "\n".join(f"{service.sandbox}/images/numbered/{n}.png" for n in range(30))
    )
    page.keyboard.press("Control+Enter")
    page.wait_for_url(JOB)
    complete(page)
    go_by_tab(page, "document.activeElement.innerText === 'Copy all'")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("30 entries")
    assert len(page.evaluate("window.copied.pop()").splitlines()) == 30
    expect(tiles(page, "complete")).not_to_have_count(0)
    go_by_tab(page, "document.activeElement.className === 'tile'")
    here = page.locator(".tile:focus")
    expect(here).to_have_attribute("data-position", "0")
    page.keyboard.press("ArrowRight")
    expect(here).to_have_attribute("data-position", "1")
    page.keyboard.press("End")
    expect(here).to_have_attribute("data-position", "29")
    expect(here).to_have_attribute("aria-posinset", "30")
    expect(here).to_be_in_viewport(ratio=1)
    focused = page.locator(":focus")
    for label in ("Open 29.png", "Copy the link of 29.png", "Delete 29.png"):
        page.keyboard.press("Tab")
        expect(focused).to_have_attribute("aria-label", label)


def go_by_tab(page: Page, condition: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(condition):
            return
    pytest.fail(f"the Tab key does not lead to {condition}")


def test_asking_takes_over_where_events_do_not_come(
    page: Page, service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("/events")
    page.route("**/events", lambda route: route.abort())
    send(page, [f"{service.sandbox}/images/numbered/polled-{n}.png" for n in range(12)])
    complete(page)
    expect(tiles(page, "complete")).to_have_count(12)


@pytest.mark.parametrize("hidden", [False, True])
def test_asking_heeds_when_it_may_be_repeated(
    page: Page, expected_errors: list[str], *, hidden: bool
) -> None:
    expected_errors += ["/events", "429"]
    set_hidden(page, hidden=hidden)
    page.clock.install()
    asked = []

    def refuse(route: Route) -> None:
        asked.append(route)
        route.fulfill(status=429, json={"detail": "Not now."}, headers={"Retry-After": "30"})

    page.route("**/upload/busy/events", lambda route: route.abort())
    page.route("**/upload/busy?**", refuse)
    page.evaluate("location.hash = '#/job/busy'")
    pass_time(page, 100, lambda: asked)
    expect(page.get_by_role("main")).to_contain_text("Loading" if hidden else "Not now.")
    for _ in range(3):
        page.clock.run_for(5_000)
        page.evaluate("fetch('/healthz')")  # what was requested before has been sent
    assert len(asked) == 1


def test_a_hidden_page_holds_no_connection(page: Page, service: RunningService, gate: Gate) -> None:
    """A browser has six for all its tabs."""
    with page.expect_response("**/events"):
        send(page, gate.urls(service.sandbox, "hidden", 1))
    counts = "**/v1/images/upload/*?limit=1"
    with page.expect_response(counts), page.expect_event("requestfailed") as broken_off:
        set_hidden(page, hidden=True)
    assert broken_off.value.url.endswith("/events")
    with page.expect_response("**/events"):
        set_hidden(page, hidden=False)
    gate.open()
    complete(page)
    expect(tiles(page, "complete")).to_have_count(1)


LOST_JOB = {
    "id": "lost",
    "created": "2026-01-01T00:00:00.000Z",
    "status": "in-progress",
    "counts": {"total": 1, "pending": 1, "complete": 0, "failed": 0},
    "results": [{"url": "https://example.com/", "state": "pending", "attempts": 0}],
    "next": None,
}


def test_no_forecast_is_shown_after_the_events_have_ended(
    page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("/events")
    forecast = {"forecast": {"blocked": True, "ahead": 1}}
    events = [f"event: snapshot\ndata: {json.dumps(LOST_JOB | forecast)}\n\n"]
    held: list[Route] = []

    def answer(route: Route) -> None:
        if events:
            route.fulfill(body=events.pop(), content_type="text/event-stream")
        else:
            held.append(route)  # until the forecast was seen

    page.route("**/upload/lost/events", answer)
    page.route("**/upload/lost?**", lambda route: route.fulfill(json=LOST_JOB))
    page.evaluate("location.hash = '#/job/lost'")
    outlook = page.locator(".outlook")
    expect(outlook).to_contain_text("Waits until Imgur takes images again")
    page.route("**/upload/lost/events", lambda route: route.abort())
    for route in held:
        route.abort()
    expect(outlook).to_have_text("Asking every few seconds")


def test_a_forecast_that_came_to_nothing_is_not_kept(page: Page) -> None:
    page.clock.install(time="2026-01-01T00:00:00Z")
    forecast = {"ahead": 1, "ratePerSecond": 12.7, "expectedFinish": "2026-01-01T00:10:00.000Z"}
    events = [f"event: snapshot\ndata: {json.dumps(LOST_JOB | {'forecast': forecast})}\n\n"]

    def answer(route: Route) -> None:
        if events:
            route.fulfill(body=events.pop(), content_type="text/event-stream")

    page.route("**/upload/lost/events", answer)
    page.evaluate("location.hash = '#/job/lost'")
    outlook = page.locator(".outlook")
    expect(outlook).to_contain_text("About 10 min to go · 12.7 images a second")
    page.clock.fast_forward(604_000)
    expect(outlook).to_have_text("It takes longer than expected")


def test_requests_that_nobody_answers_are_given_up(page: Page) -> None:
    """As of a service that stands still, or over a connection that was lost in the sleep."""
    page.clock.install()
    held: list[Route] = []
    page.route("**/readyz", lambda _route: None)
    page.route("**/upload/lost/events", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    page.route("**/upload/lost?**", lambda route: route.fulfill(json=LOST_JOB))
    page.evaluate("location.hash = '#/job/lost'")
    health = page.locator("#health")
    pass_time(page, 10_000, lambda: len(held) >= 2 and health.inner_text() == "Not reached")


def test_the_same_figures_are_announced_once(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append("/events")
    page.clock.install()
    asked: list[Route] = []

    def answer(route: Route) -> None:
        asked.append(route)
        route.fulfill(json=LOST_JOB)

    page.route("**/upload/lost/events", lambda route: route.abort())
    page.route("**/upload/lost?**", answer)
    page.evaluate(
        """() => {
          window.said = [];
          const announcer = document.getElementById("announcer");
          new MutationObserver(() => { window.said.push(announcer.textContent); })
            .observe(announcer, { childList: true });
          location.hash = "#/job/lost";
        }"""
    )
    pass_time(page, 1_000, lambda: len(asked) >= 12)  # every two seconds
    assert page.evaluate("window.said") == ["Uploading: 0 of 1 uploaded"]


def test_a_job_that_the_service_has_lost_is_gone(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append("404")
    events = [f"event: snapshot\ndata: {json.dumps(LOST_JOB)}\n\n"]

    def answer(route: Route) -> None:
        if events:
            route.fulfill(body=events.pop(), content_type="text/event-stream")
        else:
            route.fulfill(status=404, json={"detail": "There is no job with this id."})

    page.route("**/upload/lost/events", answer)
    page.evaluate("location.hash = '#/job/lost'")
    complete(page, "Gone")
    page.locator(".tabs").get_by_role("button", name="Waiting").click()
    expect(page.locator(".outlook")).to_have_text("There is no job with this id.")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    assert page.title() == "Gone · imgup"


def test_a_response_to_a_view_that_was_left_changes_no_other(
    page: Page, service: RunningService, gate: Gate
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "DELETE":
            held.append(route)
        else:
            route.continue_()

    send(page, gate.urls(service.sandbox, "left", 1))
    page.route("**/v1/images/upload/*", hold)
    with page.expect_request(lambda request: request.method == "DELETE"):
        press(page, "Cancel")
    go_to(page, "Jobs")
    held[0].continue_()
    expect(page.locator("#toasts")).to_contain_text("Cancelled")
    assert page.title() == "Jobs · imgup"


def test_the_key_is_asked_for_and_kept_in_the_tab(
    launch: Launch,
    new_page: Callable[..., Page],
    expected_errors: list[str],
) -> None:
    service = launch(API_KEYS="alice:right-key", SANDBOX="on", WORKER_COUNT="1").wait_until_ready()
    expected_errors.append("401")
    page = new_page()
    page.goto(service.url + "/")
    dialog, main = page.get_by_role("dialog"), page.get_by_role("main")
    expect(dialog).to_contain_text("This service needs an API key")
    page.screenshot(path=SCREENSHOTS / "key.png")
    page.keyboard.insert_text("wrong-key")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("That key is not valid here.")
    page.keyboard.insert_text("right-key")
    page.keyboard.press("Enter")
    expect(main).to_contain_text("No jobs yet")
    expect(page.locator("#sandbox")).to_contain_text("Sandbox.")
    page.screenshot(path=SCREENSHOTS / "no-jobs.png")
    send(page, [f"{service.sandbox}/images/small.png"])
    complete(page)
    page.goto(service.url + "/#/gallery")
    expect(main).to_contain_text("1 image")
    assert "right-key" not in page.evaluate(
        "location.href + document.cookie + JSON.stringify(localStorage)"
    )
    other = new_page()
    other.goto(service.url + "/#/jobs")
    dialog = other.get_by_role("dialog")
    expect(dialog).to_contain_text("This service needs an API key")
    press(other, "Not now")
    expect(other.get_by_role("main")).to_contain_text("Without a valid API key")
    go_to(other, "Gallery")  # the person's next step asks again
    expect(dialog).to_contain_text("This service needs an API key")
    other.locator("#key").fill("“right-key”")  # no header may hold it
    other.locator("#key").press("Enter")
    expect(dialog).to_contain_text("That key is not valid here.")
    other.close()
    expected_errors += ["net::ERR_", "503"]  # the latter while it shuts down
    service.close()
    expect(page.locator("#health")).to_contain_text("Not reached")
    go_to(page, "Status")
    expect(main).to_contain_text("The service cannot be reached.")


def test_a_browser_may_deny_storage(
    new_page: Callable[..., Page], service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("401")
    page = new_page()
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw Error() } })"
    )
    open_front(page, service)
    page.route(
        "**/v1/limits",
        lambda route: (
            route.continue_()
            if route.request.headers.get("authorization") == "Bearer right-key"
            else route.fulfill(status=401, json={})
        ),
    )
    go_to(page, "Status")
    page.locator("#key").fill("right-key")
    press(page, "Use this key")
    expect(page.get_by_role("main")).to_contain_text("Imgur's allowance")


def test_a_response_that_is_not_the_service_s_loses_nothing(page: Page) -> None:
    """As the form of a proxy that asks for a password."""
    page.route("**/v1/**", lambda route: route.fulfill(content_type="text/html", body="<form>"))
    paste(page, "https://example.com/1.png")
    expect(page.locator(".sum")).to_have_text("1 image is ready")
    page.clock.install()
    press(page, "Upload 1 image")
    error = page.locator("#toasts .bad")
    expect(error).to_contain_text("The response cannot be read")
    page.clock.run_for(60_000)  # who has sent it need not stay and watch
    press(page, "Upload 1 image")
    expect(error).to_have_count(1)
    press(page, "Close")
    expect(error).to_have_count(0)
    go_to(page, "Jobs")
    expect(page.get_by_role("main")).to_contain_text("The response cannot be read")
    go_to(page, "Upload")
    expect(page.locator("#links")).to_have_value("https://example.com/1.png")


def test_what_the_service_refuses_is_said(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append("404")
    page.evaluate("location.hash = '#/job/55355b7c-9b86-4a1a-b32e-6cdd6db07183'")
    expect(page.get_by_role("main")).to_contain_text("There is no job with this id.")
