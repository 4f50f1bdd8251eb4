"""What a person does with the page, in a real browser, against the running service and sandbox."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import PICTURES, SCREENSHOTS
from tests.browser.devtools import Chromium, Tab, wait_for
from tests.browser.steps import TILES, choose, complete, listen_to_clipboard, send
from tests.running_service import RunningService

CONTROL = 2


def test_links_are_pasted_checked_sent_and_taken_away(page: Tab, service: RunningService) -> None:
    images = service.sandbox + "/images"
    page.paste(
        f"{images}/photo.jpg\nsee {images}/drawing.png and ![a]({images}/photo.jpg)\n"
        f"{images}/photo.jpg\nftp://example.com/a.png\nno link at all\n"
        f"{service.sandbox}/faults/html"
    )
    page.wait_text("3 images are ready · 2 duplicates set aside · 2 entries cannot be used")
    assert "begins with ftp:" in page.text(".aside")
    assert "no link at all" in page.text(".aside")
    page.click("Upload 3 images")
    complete(page, "Partly failed")
    page.wait(TILES.format("complete") + " === 2")
    page.wait_text("The source answered with a web page, not an image.", ".tile[data-state=failed]")
    assert page.run("document.querySelector('[role=progressbar]').ariaValueNow") == "100"
    page.wait("[...document.querySelectorAll('.tile img')].some((i) => i.naturalWidth > 0)")
    assert service.status(page.run("location.hash.slice(6)"))["counts"]["complete"] == 2


def test_what_failed_is_sent_again(page: Tab, service: RunningService) -> None:
    first = send(
        page, [f"{service.sandbox}/faults/status/404", f"{service.sandbox}/images/small.png"]
    )
    complete(page, "Partly failed")
    page.click("Retry failed")
    second = page.wait(f"location.hash !== '#/job/{first}' && location.hash.slice(6)")
    page.wait_text(f"what failed of job {first[:8]}")
    page.wait_text("0 of 1 uploaded · 1 failed")
    assert service.status(second)["retryOf"] == first
    page.click(f"job {first[:8]}")
    page.wait_text(f"sent again as job {second[:8]}")
    assert "Retry failed" not in page.text("main")


def test_a_job_is_cancelled(page: Tab, service: RunningService) -> None:
    send(
        page, [f"{service.sandbox}/faults/latency/1500/images/numbered/{n}.png" for n in range(400)]
    )
    page.click("Cancel")
    complete(page, "Cancelled")
    page.click("Failed ", ".tabs button")
    page.wait_text("cancelled", ".tile[data-state=failed]")


FORMS = {
    "Links": "{}",
    "Markdown": "![]({})",
    "BBCode": "[img]{}[/img]",
    "HTML": '<img src="{}" alt="">',
}


def test_links_are_taken_away(page: Tab, service: RunningService, tmp_path: Path) -> None:
    listen_to_clipboard(page)
    page.save_downloads(tmp_path)
    urls = [f"{service.sandbox}/images/small.png?a=1,2", f"{service.sandbox}/faults/empty"]
    job = send(page, urls)
    complete(page, "Partly failed")
    (link,) = service.status(job)["uploaded"]["complete"]
    for label, line in FORMS.items():
        choose(page, label)
        page.click("Copy all")
        page.wait_text(f"1 entry as {label}", "#toasts")
        assert page.run("window.copied.pop()") == line.format(link)
    page.click("Copy", ".tile button")
    page.wait("window.copied.length === 1")
    assert page.run("window.copied.pop()") == link
    choose(page, "CSV")
    page.click("Copy all")
    page.wait("window.copied.length === 1")
    head, first, second = page.run("window.copied[0]").split("\r\n")
    assert head == "url,state,link,reason,message"
    assert first == f'"{urls[0]}",complete,{link},,'
    assert second.startswith(f"{urls[1]},failed,,empty,")
    choose(page, "Links")
    page.click("Save")
    file = tmp_path / f"imgup-{job[:8]}.txt"
    wait_for("the file", lambda: file.exists() and file.read_text())
    assert file.read_text().splitlines() == [link]


def test_an_image_is_deleted(page: Tab, service: RunningService) -> None:
    listen_to_clipboard(page)
    job = send(page, [f"{service.sandbox}/images/numbered/deleted-{n}.png" for n in range(2)])
    complete(page)
    page.wait(PICTURES)
    first, second = service.status(job)["uploaded"]["complete"]
    page.click("Delete", ".tile button")
    page.wait_text("deleted-0.png is deleted at Imgur", "dialog")
    page.press("Enter")  # at once: it is kept
    page.wait("!document.querySelector('dialog')")
    assert "deleted" not in service.status(job)["results"][0]
    page.click("Delete", ".tile button")
    page.click("Delete for ever", "dialog button")
    page.wait_text("Deleted", ".tile[data-state=deleted]")
    assert page.run("document.activeElement.dataset.position") == "0"
    assert service.status(job)["results"][0]["deleted"] == "done"
    assert first not in service.get("/v1/images").json()["uploaded"]
    page.click("Copy all")
    page.wait("window.copied.length === 1")
    assert page.run("window.copied[0]") == second
    page.open(f"{service.url}/?again#/job/{job}")
    page.wait_text("Deleted", ".tile[data-state=deleted]")
    assert page.run(TILES.format("complete")) == 1


def test_history_and_gallery(page: Tab, service: RunningService) -> None:
    job = send(page, [f"{service.sandbox}/images/numbered/gallery.png"])
    complete(page)
    page.click("Jobs", "nav a")
    page.wait_text(job[:8], ".jobs")
    page.click("Gallery", "nav a")
    links = service.get("/v1/images").json()["uploaded"]
    page.wait_text(f"{len(links)} image")
    page.wait("[...document.querySelectorAll('.tile img')].some((i) => i.naturalWidth > 0)")
    assert page.run("document.querySelector('.tile a').href") == links[0]
    page.click("Jobs", "nav a")
    page.click(job[:8], ".jobs a")
    page.wait_text("1 of 1 uploaded")


def test_allowance_workers_and_queue(page: Tab) -> None:
    page.click("Status", "nav a")
    page.wait_text("2 of 2 ready")
    page.wait_text("Credits of the application")
    page.wait("/Enough for [\\d,]+ more/.test(document.querySelector('.outlook').innerText)")
    page.wait_text("Ready · 2 workers", "#health")


def test_samples_are_loaded_with_one_click(page: Tab) -> None:
    page.click("Status", "nav a")
    page.click("Load the sample images")
    page.wait_text("17 images are ready")
    page.press("Enter")  # the button to send has the focus
    complete(page, "Partly failed")
    page.wait(TILES.format("failed") + " === 3")


def test_by_keyboard_alone(page: Tab, service: RunningService) -> None:
    listen_to_clipboard(page)
    page.run("document.getElementById('links').blur()")
    go_by_tab(page, "document.activeElement.id === 'links'")
    page.type("\n".join(f"{service.sandbox}/images/numbered/{n}.png" for n in range(30)))
    page.press("Enter", CONTROL)
    complete(page)
    go_by_tab(page, "document.activeElement.innerText === 'Copy all'")
    page.press("Enter")
    page.wait("window.copied.length === 1")
    assert len(page.run("window.copied.pop()").splitlines()) == 30
    page.wait(TILES.format("complete"))
    go_by_tab(page, "document.activeElement.className === 'tile'")
    here = "Number(document.activeElement.dataset.position)"
    assert page.run(here) == 0
    page.press("ArrowRight")
    assert page.run(here) == 1
    page.press("End")
    assert page.run(here) == 29
    assert page.run("document.activeElement.ariaPosInSet") == "30"
    assert page.run("document.activeElement.getBoundingClientRect().bottom <= innerHeight")
    page.press("Tab")
    assert page.run("document.activeElement.ariaLabel") == "Open 29.png"
    page.press("Tab")
    assert page.run("document.activeElement.ariaLabel") == "Copy the link of 29.png"
    page.press("Enter")
    page.wait("window.copied.length === 1")
    page.press("Tab")
    assert page.run("document.activeElement.ariaLabel") == "Delete 29.png"


def go_by_tab(tab: Tab, condition: str) -> None:
    for _ in range(40):
        tab.press("Tab")
        if tab.run(condition):
            return
    pytest.fail(f"the Tab key does not lead to {condition}")


def test_asking_takes_over_where_events_do_not_come(page: Tab, service: RunningService) -> None:
    page.expected = ["/events"]
    page.ask("Network.setBlockedURLs", urls=["*/events*"])
    send(page, [f"{service.sandbox}/images/numbered/polled-{n}.png" for n in range(12)])
    complete(page)
    page.wait(TILES.format("complete") + " === 12")


def test_the_key_is_asked_for_and_kept_in_the_tab(
    launch: Callable[..., RunningService], chromium: Chromium, tab: Tab
) -> None:
    service = launch(API_KEYS="alice:right-key", WORKER_COUNT="1").wait_until_ready()
    tab.expected = ["401"]
    tab.open(service.url + "/")
    tab.wait_text("This service needs an API key", "dialog")
    tab.screenshot(SCREENSHOTS / "key.png")
    tab.type("wrong-key")
    tab.press("Enter")
    tab.wait_text("That key is not valid here.", "dialog")
    tab.type("right-key")
    tab.press("Enter")
    tab.wait_text("No jobs yet")
    tab.wait_text("Sandbox.")
    tab.screenshot(SCREENSHOTS / "no-jobs.png")
    send(tab, [f"{service.sandbox}/images/small.png"])
    complete(tab)
    tab.open(service.url + "/#/gallery")
    tab.wait_text("1 image")
    assert "right-key" not in tab.run(
        "location.href + document.cookie + JSON.stringify(localStorage)"
    )
    other = chromium.new_tab()
    other.open(service.url + "/#/jobs")
    other.wait_text("This service needs an API key", "dialog")
    other.click("Not now")
    other.wait_text("Without a valid API key")
    other.click("Gallery", "nav a")  # the person's next step asks again
    other.wait_text("This service needs an API key", "dialog")
    other.close()
    tab.expected += ["net::ERR_"]
    service.close()
    tab.wait_text("Not reached", "#health")
    tab.click("Status", "nav a")
    tab.wait_text("The service cannot be reached.", "main")


def test_what_the_service_refuses_is_said(page: Tab, service: RunningService) -> None:
    page.run("location.hash = '#/job/55355b7c-9b86-4a1a-b32e-6cdd6db07183'")
    page.expected = ["404"]
    page.wait_text("There is no job with this id.")
