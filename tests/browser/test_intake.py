"""What comes into the form: dropped, pasted, chosen; how it is judged, and shown as text always."""

import base64
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import JSHandle, Page, Route, expect

from tests.browser.steps import complete, drop, go_to, paste, paste_as, press
from tests.running_service import RunningService
from workers import ImageError, is_data_url, read_data_url, wire_url


def test_what_is_dropped(page: Page, tmp_path: Path) -> None:
    ready = page.locator(".sum")
    html = '<a href="https://example.com/page"><img src="https://example.com/1.png"></a>'
    drop(page, {"text/html": html})
    expect(ready).to_have_text("1 image is ready")
    drop(page, {"text/uri-list": "#a link\r\nhttps://example.com/2.png"})
    expect(ready).to_have_text("2 images are ready")
    paste_as(page, {"text/html": html.replace("1.png", "pasted.png")})
    expect(ready).to_have_text("3 images are ready")
    drop(page, {}, ("list.txt", "text/plain", "see https://example.com/4.png\n"))
    expect(ready).to_have_text("4 images are ready")
    drop(page, {}, ("photo.jpg", "image/jpeg", "JFIF"))
    expect(page.locator("#toasts")).to_contain_text("photo.jpg is an image. Links are sent here")
    drop(
        page, {}, ("photo.heic", "", "\0\0\0\x1cftypheic")
    )  # of a type that the browser does not know
    expect(page.locator("#toasts .toast")).to_have_text(re.compile("^photo.heic is not a text."))
    listing = tmp_path / "list.json"
    listing.write_text(
        json.dumps({"urls": ["https://example.com/3.png", "https://example.com/4.png"]})
    )
    paste(page, "")
    page.locator("#file").set_input_files(listing)
    expect(ready).to_have_text("2 images are ready")
    press(page, "Clear")
    expect(page.locator("#links")).to_have_value("")


def test_what_other_programs_hand_over(page: Page) -> None:
    ready = page.locator(".sum")
    image = ("1.png", "image/png", "PNG")
    drop(page, {"text/html": '<img src="https://example.com/1.png">'}, image)  # from a web page
    expect(ready).to_have_text("1 image is ready")
    html = '<img src="file:///C:/image001.png"><a href="https://example.com/2.png">a cat</a>'
    paste_as(page, {"text/plain": "a cat", "text/html": html}, image)  # Word
    expect(ready).to_have_text("2 images are ready")
    paste_as(page, {}, image)
    expect(page.locator("#toasts")).to_contain_text("1.png is an image. Links are sent here")
    small = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    drop(page, {"text/html": f'<img src="{small}">', "text/uri-list": small}, image)
    expect(page.locator("#links")).to_have_value(re.compile(re.escape(small)))
    press(page, "Clear")
    listing = ("list.txt", "text/plain", "https://example.com/3.png")
    paste_as(page, {"text/plain": "list.txt"}, listing)  # a copied file
    expect(ready).to_have_text("1 image is ready")
    page.evaluate("File.prototype.arrayBuffer = async () => { throw new Error('not found') }; 1")
    drop(page, {}, ("pictures", "", ""))
    expect(page.locator("#toasts")).to_contain_text("pictures cannot be read. Is it a folder?")


def test_a_list_of_entries_stays_open_while_the_text_changes(page: Page) -> None:
    paste(page, "https://example.com/1.png\nhttps://example.com/1.png")
    duplicates = page.locator(".aside details", has_text="Duplicates")
    duplicates.locator("summary").click()
    paste(page, "https://example.com/1.png\n" * 3)
    expect(duplicates.locator("summary")).to_have_text("Duplicates (2)")
    expect(duplicates.locator("li").last).to_be_visible()


def test_text_is_moved_within_the_box_and_dropped_into_other_fields(page: Page) -> None:
    box = page.locator("#links")
    paste(page, "https://example.com/1.png\nhttps://example.com/2.png\n\n\n")
    line, left, top = 25, box.bounding_box()["x"] + 40, box.bounding_box()["y"] + 28
    page.mouse.click(left, top, click_count=3)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left, top + line, steps=5)
    page.mouse.move(left, top + 3 * line, steps=5)
    page.mouse.up()
    expect(box).to_have_value(re.compile(r"^\s*https://\S+/2\.png\s+https://\S+/1\.png\s*$"))
    page.locator(".options summary").click()
    data = page.evaluate_handle("new DataTransfer()")
    data.evaluate("(data) => data.setData('text/plain', 'A title')")
    page.locator("#option-title").dispatch_event("drop", {"dataTransfer": data})
    drop(page, {"text/plain": "https://example.com/3.png"})
    expect(page.locator(".sum")).to_have_text("3 images are ready")


def test_a_long_list_stands_beside_the_box(page: Page) -> None:
    paste(page, "https://example.com/typed.png")
    lines = [f"https://example.com/{'long' * 10}/{n}.png" for n in range(3_000)]
    paste_as(page, {"text/plain": "\n".join(lines)})
    expect(page.get_by_role("main")).to_contain_text("List of 3,000 lines")
    expect(page.locator(".sum")).to_have_text("3,001 images are ready")
    expect(page.locator("#links")).to_have_value("https://example.com/typed.png")
    press(page, "Remove")
    expect(page.locator(".sum")).to_have_text("1 image is ready")


def test_what_was_entered_stays_until_it_is_sent(page: Page, service: RunningService) -> None:
    ready = page.locator(".sum")
    paste(page, f"{service.sandbox}/images/numbered/kept.png")
    page.locator(".options summary").click()
    page.get_by_label("Title").fill("Kept")
    go_to(page, "Status")
    go_to(page, "Upload")
    drop(page, {"text/uri-list": f"{service.sandbox}/images/numbered/dropped.png"})
    expect(ready).to_have_text("2 images are ready")
    expect(page.get_by_label("Title")).to_have_value("Kept")
    with page.expect_request(lambda request: request.method == "POST") as posted:
        press(page, "Upload 2 images")
    complete(page)
    assert posted.value.post_data_json["title"] == "Kept"
    go_to(page, "Upload")
    expect(page.locator("#links")).to_have_value("")
    expect(page.locator(".options summary")).to_have_text("Options")


def test_options_go_with_the_job(
    page: Page, service: RunningService, expected_errors: list[str]
) -> None:
    expected_errors.append("422")
    url = f"{service.sandbox}/images/numbered/optional.png"
    paste(page, url)
    options = page.locator(".options summary")
    options.click()
    page.get_by_label("Title").fill("Picture {number} {of}")
    page.get_by_label("Priority").select_option("high")
    page.get_by_label("Callback URL").fill("https://example.com/told")
    expect(options).to_have_text("Options · 3 set")
    press(page, "Upload 1 image")
    expect(page.locator("#option-title-complaint")).to_contain_text("{of} is no placeholder")
    expect(page.get_by_label("Title")).to_be_focused()
    page.get_by_label("Title").fill("Picture {number} of {count}")
    press(page, "Upload 1 image")
    complaint = page.locator("#option-callbackUrl-complaint")
    expect(complaint).to_contain_text("WEBHOOK_SECRET")  # this service has none
    page.get_by_label("Callback URL").fill("")
    with page.expect_request(lambda request: request.method == "POST") as posted:
        press(page, "Upload 1 image")
    complete(page)
    assert posted.value.post_data_json == {
        "urls": [url],
        "title": "Picture {number} of {count}",
        "priority": "high",
    }


def test_nothing_is_changed_while_it_is_sent(page: Page, expected_errors: list[str]) -> None:
    expected_errors.append("503")
    held: list[Route] = []
    page.route("**/v1/images/upload", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    paste(page, "https://example.com/1.png")
    box = page.locator("#links")
    with page.expect_request("**/v1/images/upload"):
        box.press("Control+Enter")
    expect(page.locator(":focus")).to_have_count(0)
    expect(page.locator("form .primary")).to_have_text("Sending …")
    page.keyboard.type("2")
    drop(page, {"text/plain": "https://example.com/3.png"})
    expect(page.locator("#toasts")).to_contain_text("The job is being sent")
    held.pop().fulfill(status=503, json={"detail": "Not now."})
    expect(page.locator("#toasts")).to_contain_text("Not now.")
    expect(box).to_be_focused()
    expect(box).to_have_value("https://example.com/1.png")


@pytest.mark.parametrize(
    "path", ["<img/src=x/onerror=window.hurt=1>.png", "'\"><b>bold</b>&amp;.png"]
)
def test_markup_in_urls_is_text(page: Page, service: RunningService, path: str) -> None:
    url = f"{service.sandbox}/images/numbered/{path}"
    paste(page, f"{url}\n<script>window.hurt=1</script>\n{url}")
    expect(page.locator(".aside")).to_contain_text("<script>window.hurt=1</script>")
    press(page, "Upload 1 image")
    complete(page, "Failed")
    expect(page.locator(".tile .name")).to_contain_text(path.rpartition("/")[2])
    go_to(page, "Jobs")
    assert page.evaluate("window.hurt") is None
    expect(page.locator("main b, main script, img[src=x]")).to_have_count(0)


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
    "https://exam%2fple.com/a.jpg",
    "https://b%C3%BCcher.example/a.jpg",
    "https:/example.com/a.jpg",
    "https:///example.com:8443/a.jpg",
    "https:////a.jpg",
    "https://example.com/\ud83d.jpg",
    "https://example.com:0/a.jpg",
    "https://example.com:99999/a.jpg",
    "https://example.com/" + "a" * 8172,
    "https://example.com/" + "a" * 8173,
    "https://",
    "data:image/png;base64,iVBORw0KGgo=",
    "data:image/png;base64," + "A" * 10_000,
    " DATA:,a b",
    "data:image/png;base64",
    "data:image/png;base64,iVBORw0KGgo=… (8 bytes, SHA-256 4c4b6a3be1314ab8)",
]


def test_links_are_judged_as_the_service_does(page: Page) -> None:
    judge = "async ([urls, entries]) => entries.map((entry) => urls.check(entry) === null)"
    judged = dict(zip(ENTRIES, page.evaluate(judge, [urls_module(page), ENTRIES]), strict=True))
    assert judged == {entry: taken(entry) for entry in ENTRIES}


def test_an_image_may_be_pasted_as_a_data_url(page: Page) -> None:
    content = (Path(__file__).parents[2] / "sandbox/samples/photo.jpg").read_bytes()
    packed = base64.b64encode(content).decode()
    paste_as(page, {"text/plain": f"data:image/jpeg;base64,{packed}"})
    expect(page.locator(".sum")).to_have_text("1 image is ready")
    page.locator(".options summary").click()
    page.get_by_label("Links to pages").select_option("true")
    with page.expect_request(lambda request: request.method == "POST") as posted:
        press(page, "Upload 1 image")
    complete(page)
    expect(page.locator(".tile .name")).to_have_text(f"image/jpeg, {len(content):,} bytes")
    assert posted.value.post_data_json["resolvePages"] is True


def test_a_file_name_may_have_spaces(page: Page) -> None:
    text = (
        "https://example.com/black cat.png\n"
        "https://example.com/1.png a cat.png\n"
        "https://example.com/2.png and https://example.com/3.png\n"
        "https://example.com/4 of a cat\n"
        "https://example.com/IMG 5.HEIC\n"
    )
    found = page.evaluate("([urls, text]) => urls.readLinks([text])", [urls_module(page), text])
    assert found["urls"] == [
        "https://example.com/black cat.png",
        "https://example.com/1.png",
        "https://example.com/2.png",
        "https://example.com/3.png",
        "https://example.com/4",
        "https://example.com/IMG 5.HEIC",
    ]


def test_of_a_table_the_links_are_taken(page: Page, tmp_path: Path) -> None:
    table = (
        'Name;Image;Text\r\n"a ""black"" cat";https://example.com/1.png,2;"two\r\nlines, https://x"\r\n'
        ";https://example.com/3.png;\r\n;;\r\nno link;example.com/4.png;\r\n"
    )
    listing = tmp_path / "List.CSV"
    listing.write_bytes(table.encode("utf-16"))
    page.locator("#file").set_input_files(listing)
    expect(page.locator("#links")).to_have_value(
        "https://example.com/1.png,2\nhttps://example.com/3.png\nno link example.com/4.png"
    )
    page.locator("#links").fill("")
    listing.write_text("url\nhttps://example.com/w_1,h_2.png\n")
    page.locator("#file").set_input_files(listing)
    expect(page.locator("#links")).to_have_value("https://example.com/w_1,h_2.png")


def test_a_table_is_one_wherever_it_comes_from(page: Page) -> None:
    """As the CSV that the page itself copies."""
    box = page.locator("#links")
    links = "https://example.com/1.png\nhttps://example.com/2.png"
    paste(page, "https://example.com/typed.png")
    table = "url,state\nhttps://example.com/1.png,complete\nhttps://example.com/2.png,failed\n"
    paste_as(page, {"text/plain": table})
    expect(box).to_have_value(f"https://example.com/typed.png\n{links}")
    press(page, "Clear")
    table = 'Name;Image\n"a; b";https://example.com/1.png\n'
    drop(page, {}, ("list.txt", "text/plain", table))
    expect(box).to_have_value("https://example.com/1.png")
    press(page, "Clear")
    text = "Hi, two pictures\nhttps://example.com/1.png, and https://example.com/2.png"
    drop(page, {}, ("list.txt", "text/plain", text))
    expect(page.locator(".sum")).to_have_text("2 images are ready · 1 entry cannot be used")


@pytest.mark.parametrize(
    "text",
    [
        "Pictures,all:\nhttps://example.com/w_100,h_200/a.jpg\nhttps://example.com/w_100,h_200/b.jpg",
        "3,5 MB each\nhttps://example.com/c,d.jpg see https://example.com/e.jpg",
    ],
    ids=["a link with slashes behind its comma", "text with a comma above a line with one"],
)
def test_a_text_with_commas_is_no_table(page: Page, text: str) -> None:
    assert not page.evaluate("([urls, text]) => urls.isTable(text)", [urls_module(page), text])


def test_links_in_text_end_where_they_do_for_people(page: Page) -> None:
    text = (
        "[img]https://example.com/1.png[/img]\n"
        "[url=https://example.com/2.png][img]https://example.com/3.png[/img][/url]\n"
        "[![a](https://example.com/4.png)](https://example.com/5.png) ![b](https://example.com/6_(a))\n"
        "(see https://example.com/7.png), or https://example.com/8_(a).\n"
        "https://example.com/9[1](2)'q'.png.\n"
        "see http://[2001:db8::1]/10?a[]=1\n"
        "“https://example.com/11.png”, **https://example.com/12.png** 看https://example.com/13.png。\n"
        "„https://example.com/14.png“ »https://example.com/15.png«\n"
    )
    found = page.evaluate("([urls, text]) => urls.readLinks([text])", [urls_module(page), text])
    assert found["urls"] == [
        *(f"https://example.com/{number}.png" for number in range(1, 6)),
        "https://example.com/6_(a)",
        "https://example.com/7.png",
        "https://example.com/8_(a)",
        "https://example.com/9[1](2)'q'.png.",  # the whole line: nothing but the link
        "http://[2001:db8::1]/10?a[]=1",
        *(f"https://example.com/{number}.png" for number in range(11, 16)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{0}\n<p><img src="{1}"></p>\n![a]({2})',  # HTML and others, as in the text of an issue
        "<img src=//example.com/1.png>\n{1}\n- {2}\n<a href='/page'>relative</a>",
        "{0};{1}|{2}",
        "{0}{1}{2}",  # pasted one after the other
        "\u200e{0}\u200b\n{1}\u200b, {2}\u00ad",
        '[{{"url": "{0}", "tags": []}}, "{1}", {{"images": ["{2}"]}}]',
        "<{0}|a cat> <{1}>\n{2}",
    ],
)
def test_links_are_told_from_what_stands_around_them(page: Page, text: str) -> None:
    links = [f"https://example.com/{number}.png" for number in (1, 2, 3)]
    given = [urls_module(page), text.format(*links)]
    found = page.evaluate("([urls, text]) => urls.readLinks([text])", given)
    assert found == {"urls": links, "duplicates": [], "bad": []}


def test_slashes_may_be_escaped_as_some_programs_write_json(page: Page) -> None:
    text = r'{"data": [{"link": "https:\/\/example.com\/1.png"}, "https:\/\/example.com\/2.png"]}'
    found = page.evaluate("([urls, text]) => urls.readLinks([text])", [urls_module(page), text])
    assert found["urls"] == ["https://example.com/1.png", "https://example.com/2.png"]


def test_lines_within_a_tag_are_a_part_of_it(page: Page) -> None:
    text = """<img src="https://example.com/1.png" srcset="
        https://example.com/1-480.png 480w,
        https://example.com/1-800.png 800w">
        https://example.com/2.png
        <img src="https://example.com/3.png">"""
    found = page.evaluate("([urls, text]) => urls.readLinks([text])", [urls_module(page), text])
    assert found["urls"] == [f"https://example.com/{number}.png" for number in (1, 2, 3)]


@pytest.mark.parametrize("text", ['<img src="/1.png">', "blob:https://example.com/1-2-3"])
def test_what_leads_nowhere_outside_its_page_is_set_aside(page: Page, text: str) -> None:
    paste(page, text)
    expect(page.locator(".sum")).to_have_text("0 images are ready · 1 entry cannot be used")


def test_a_link_of_megabytes_is_read(page: Page) -> None:
    found = page.evaluate(
        """async (urls) => {
            const long = "a".repeat(20_000_000);
            const { bad } = await urls.readLinks([`(https://${long}`]);
            return [bad.map(({ why }) => why), urls.linksOfTable(`a,b\n"data:,${long}",c`).length];
        }""",
        urls_module(page),
    )
    assert found == [["longer than 8192 characters"], 20_000_006]


def urls_module(page: Page) -> JSHandle:
    """The page's own module that reads links."""
    return page.evaluate_handle(
        "import(new URL('urls.js', document.querySelector('script').src).href)"
    )


def taken(entry: str) -> bool:
    try:
        if is_data_url(entry):
            read_data_url(entry, 1_000_000)
        else:
            wire_url(entry)
    except ImageError:
        return False
    return True
