"""What a person does with the page, in a real browser, against the running service and sandbox."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.devtools import Chromium, Tab, wait_for
from tests.running_service import RunningService
from workers import ImageError, check_url

CONTROL = 2
TILES = "document.querySelectorAll('.tile[data-state={}]').length"


def complete(tab: Tab, state: str = "Complete") -> None:
    tab.wait_text(state, ".pill")


def send(tab: Tab, urls: list[str]) -> str:
    """Paste, send, wait for the job's view; its id."""
    tab.paste("\n".join(urls))
    tab.click("Upload ", "button.primary")
    return tab.wait("location.hash.startsWith('#/job/') && location.hash.slice(6)")


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


@pytest.mark.parametrize(
    ("label", "line"),
    [
        ("Links", "{}"),
        ("Markdown", "![]({})"),
        ("BBCode", "[img]{}[/img]"),
        ("HTML", '<img src="{}" alt="">'),
    ],
)
def test_links_are_copied(page: Tab, service: RunningService, label: str, line: str) -> None:
    listen_to_clipboard(page)
    job = send(page, [f"{service.sandbox}/images/small.png", f"{service.sandbox}/faults/empty"])
    complete(page, "Partly failed")
    (link,) = service.status(job)["uploaded"]["complete"]
    choose(page, label)
    page.click("Copy all")
    page.wait("window.copied.length === 1")
    assert page.run("window.copied[0]") == line.format(link)
    page.wait_text(f"1 entry as {label}", "#toasts")
    page.click("Copy", ".tile button")
    page.wait("window.copied.length === 2")
    assert page.run("window.copied[1]") == link


def test_csv_has_what_failed_as_well(page: Tab, service: RunningService) -> None:
    listen_to_clipboard(page)
    urls = [f"{service.sandbox}/images/small.png?a=1,2", f"{service.sandbox}/faults/empty"]
    job = send(page, urls)
    complete(page, "Partly failed")
    (link,) = service.status(job)["uploaded"]["complete"]
    choose(page, "CSV")
    page.click("Copy all")
    page.wait("window.copied.length === 1")
    head, first, second = page.run("window.copied[0]").split("\r\n")
    assert head == "url,state,link,reason,message"
    assert first == f'"{urls[0]}",complete,{link},,'
    assert second.startswith(f"{urls[1]},failed,,empty,")


def test_links_are_saved(page: Tab, service: RunningService, tmp_path: Path) -> None:
    page.save_downloads(tmp_path)
    job = send(page, [f"{service.sandbox}/images/small.png"])
    complete(page)
    page.click("Save")
    file = tmp_path / f"imgup-{job[:8]}.txt"
    wait_for("the file", lambda: file.exists() and file.read_text())
    assert file.read_text().splitlines() == service.status(job)["uploaded"]["complete"]


def listen_to_clipboard(tab: Tab) -> None:
    tab.run(
        "window.copied = []; Object.defineProperty(navigator, 'clipboard', { value:"
        " { writeText: async (text) => { window.copied.push(text); } } }); 1"
    )


def choose(tab: Tab, label: str) -> None:
    tab.run(
        "(() => { const choice = document.querySelector('.copy select');"
        f" const option = [...choice.options].find((o) => o.text === {json.dumps(label)});"
        " choice.value = option.value; })()"
    )


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
    page.wait_text("Ready · 2 workers", "#health")


def test_samples_are_loaded_with_one_click(page: Tab) -> None:
    page.click("Status", "nav a")
    page.click("Load the sample images")
    page.wait_text("17 images are ready")
    page.press("Enter")  # the button to send has the focus
    complete(page, "Partly failed")
    page.wait(TILES.format("failed") + " === 3")


@pytest.mark.parametrize(
    "path", ["<img/src=x/onerror=window.hurt=1>.png", "'\"><b>bold</b>&amp;.png"]
)
def test_markup_in_urls_is_text(page: Tab, service: RunningService, path: str) -> None:
    url = f"{service.sandbox}/images/numbered/{path}"
    page.paste(f"{url}\n<script>window.hurt=1</script>\n{url}")
    page.wait_text("<script>window.hurt=1</script>", ".aside")
    page.click("Upload 1 image")
    complete(page, "Failed")
    page.wait_text(path.rpartition("/")[2], ".tile .name")
    page.click("Jobs", "nav a")
    assert page.run("window.hurt") is None
    assert page.run("document.querySelectorAll('main b, main script, img[src=x]').length") == 0


ENTRIES = [
    "https://example.com/a.jpg",
    "HTTP://EXAMPLE.COM/a.jpg",
    "https://bücher.example/ü.png?a=[1]#b",
    "http://[2001:db8::1]:8080/a.png",
    "ftp://example.com/a.jpg",
    "//example.com/a.jpg",
    "example.com/a.jpg",
    "javascript:alert(1)",
    "https://user:secret@example.com/a.jpg",
    "https://example.com/a b.jpg",
    "https://example.com/a\\b.jpg",
    "https://example.com/\u0007.jpg",
    "https://example.com:99999/a.jpg",
    "https://example.com/" + "a" * 8172,
    "https://example.com/" + "a" * 8173,
    "https://",
]


def test_links_are_judged_as_the_service_does(page: Tab) -> None:
    files = page.run("document.querySelector('script').src").rpartition("/")[0]
    judged = page.run(
        f"import('{files}/urls.js').then(({{ check }}) =>"
        f" {json.dumps(ENTRIES)}.map((entry) => check(entry) === null))"
    )
    assert dict(zip(ENTRIES, judged, strict=True)) == {entry: taken(entry) for entry in ENTRIES}


def taken(entry: str) -> bool:
    try:
        check_url(entry)
    except ImageError:
        return False
    return True


def test_by_keyboard_alone(page: Tab, service: RunningService) -> None:
    page.run("document.getElementById('links').blur()")
    for _ in range(20):
        page.press("Tab")
        if page.run("document.activeElement.id") == "links":
            break
    page.type("\n".join(f"{service.sandbox}/images/numbered/{n}.png" for n in range(30)))
    page.press("Enter", CONTROL)
    complete(page)
    for _ in range(30):
        page.press("Tab")
        if page.run("document.activeElement.className") == "tile":
            break
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


def test_what_is_dropped(page: Tab, service: RunningService, tmp_path: Path) -> None:
    drop = """(() => {{ const data = new DataTransfer(); data.setData({}, {});
      const init = {{ dataTransfer: data, bubbles: true, cancelable: true }};
      const event = new DragEvent("drop", init);
      document.body.dispatchEvent(event); }})()"""
    html = '<a href="https://example.com/page"><img src="https://example.com/1.png"></a>'
    page.run(drop.format('"text/html"', json.dumps(html)))
    page.wait_text("1 image is ready")
    page.run(drop.format('"text/uri-list"', json.dumps("#a link\r\nhttps://example.com/2.png")))
    page.wait_text("2 images are ready")
    paste = drop.replace("DragEvent", "ClipboardEvent").replace('"drop"', '"paste"')
    paste = paste.replace("dataTransfer", "clipboardData").replace(
        "document.body.", "document.getElementById('links')."
    )
    page.run(paste.format('"text/html"', json.dumps(html.replace("1.png", "pasted.png"))))
    page.wait_text("3 images are ready")
    listing = tmp_path / "list.json"
    listing.write_text(
        json.dumps({"urls": ["https://example.com/3.png", "https://example.com/4.png"]})
    )
    page.run("document.getElementById('links').value = ''")
    root = page.ask("DOM.getDocument")["root"]["nodeId"]
    node = page.ask("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page.ask("DOM.setFileInputFiles", nodeId=node, files=[str(listing)])
    page.wait_text("2 images are ready")
    page.click("Clear")
    page.wait("document.getElementById('links').value === ''")


def test_asking_takes_over_where_events_do_not_come(page: Tab, service: RunningService) -> None:
    page.expected = ["/events"]
    page.ask("Network.setBlockedURLs", urls=["*/events*"])
    send(page, [f"{service.sandbox}/images/numbered/polled-{n}.png" for n in range(20)])
    complete(page)
    page.wait(TILES.format("complete") + " === 20")


def test_the_key_is_asked_for_and_kept_in_the_tab(
    launch: Callable[..., RunningService], chromium: Chromium, tab: Tab
) -> None:
    service = launch(API_KEYS="alice:right-key", WORKER_COUNT="1").wait_until_ready()
    tab.expected = ["401"]
    tab.open(service.url + "/")
    tab.wait_text("This service needs an API key", "dialog")
    tab.type("wrong-key")
    tab.press("Enter")
    tab.wait_text("That key is not valid here.", "dialog")
    tab.type("right-key")
    tab.press("Enter")
    tab.wait_text("No jobs yet")
    tab.wait_text("Sandbox.")
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


def test_what_the_service_refuses_is_said(page: Tab, service: RunningService) -> None:
    page.run("location.hash = '#/job/55355b7c-9b86-4a1a-b32e-6cdd6db07183'")
    page.expected = ["404"]
    page.wait_text("There is no job with this id.")
