"""What comes into the form: dropped, pasted, chosen; how it is judged, and shown as text always."""

import json
from pathlib import Path

import pytest

from tests.browser.devtools import Tab
from tests.browser.steps import complete, hand_over, set_option
from tests.running_service import RunningService
from workers import ImageError, check_url


def test_what_is_dropped(page: Tab, tmp_path: Path) -> None:
    html = '<a href="https://example.com/page"><img src="https://example.com/1.png"></a>'
    hand_over(page, "DragEvent", {"text/html": html})
    page.wait_text("1 image is ready")
    hand_over(page, "DragEvent", {"text/uri-list": "#a link\r\nhttps://example.com/2.png"})
    page.wait_text("2 images are ready")
    hand_over(page, "ClipboardEvent", {"text/html": html.replace("1.png", "pasted.png")})
    page.wait_text("3 images are ready")
    hand_over(page, "DragEvent", {}, ("list.txt", "text/plain", "see https://example.com/4.png\n"))
    page.wait_text("4 images are ready")
    hand_over(page, "DragEvent", {}, ("photo.jpg", "image/jpeg", "JFIF"))
    page.wait_text("photo.jpg is an image. Links are sent here", "#toasts")
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


def test_a_long_list_stands_beside_the_box(page: Tab) -> None:
    page.paste("https://example.com/typed.png")
    lines = [f"https://example.com/{'long' * 10}/{n}.png" for n in range(3_000)]
    hand_over(page, "ClipboardEvent", {"text/plain": "\n".join(lines)})
    page.wait_text("List of 3,000 lines")
    page.wait_text("3,001 images are ready")
    assert page.run("document.getElementById('links').value") == "https://example.com/typed.png"
    page.click("Remove", ".lists button")
    page.wait_text("1 image is ready")


def test_options_go_with_the_job(page: Tab, service: RunningService) -> None:
    page.expected = ["422"]
    url = f"{service.sandbox}/images/numbered/optional.png"
    page.paste(url)
    page.click("Options", "summary")
    set_option(page, "title", "Picture {number} {of}")
    set_option(page, "priority", "high")
    set_option(page, "callbackUrl", "https://example.com/told")
    page.wait_text("Options · 3 set", "summary")
    page.click("Upload 1 image")
    page.wait_text("{of} is no placeholder", "#option-title-complaint")
    assert page.run("document.activeElement.id") == "option-title"
    set_option(page, "title", "Picture {number} of {count}")
    page.click("Upload 1 image")
    page.wait_text("WEBHOOK_SECRET", "#option-callbackUrl-complaint")  # this service has none
    set_option(page, "callbackUrl", "")
    page.click("Upload 1 image")
    complete(page)
    assert json.loads(page.posted()[-1]) == {
        "urls": [url],
        "title": "Picture {number} of {count}",
        "priority": "high",
    }


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
    " https://example.com/a b.jpg\n",
    "\u0000https://example.com ",
    "https://example.com/a\\b.jpg?50%",
    "https://example.com/\u0007.jpg",
    "https://😀.my_host.example.:/a.jpg",
    "http://*.example/a.jpg",
    "https://example.com\\a.jpg",
    "https://exam ple.com/a.jpg",
    "https://exam\tple.com/a.jpg",
    "https://exam%70le.com/a.jpg",
    "https://@example.com/a.jpg",
    "https:///a.jpg",
    "https://example.com/\ud83d.jpg",
    "https://example.com:0/a.jpg",
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


def test_a_file_name_may_have_spaces(page: Tab) -> None:
    text = (
        "https://example.com/black cat.png\n"
        "https://example.com/1.png a cat.png\n"
        "https://example.com/2.png and https://example.com/3.png\n"
        "https://example.com/4 of a cat\n"
    )
    files = page.run("document.querySelector('script').src").rpartition("/")[0]
    found = page.run(
        f"import('{files}/urls.js').then(({{ readLinks }}) => readLinks([{json.dumps(text)}]))"
    )
    assert found["urls"] == [
        "https://example.com/black cat.png",
        "https://example.com/1.png",
        "https://example.com/2.png",
        "https://example.com/3.png",
        "https://example.com/4",
    ]


def taken(entry: str) -> bool:
    try:
        check_url(entry)
    except ImageError:
        return False
    return True
