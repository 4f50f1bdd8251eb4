"""What a page names as its image, however the page is written."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from workers.worker.source.page_images import PARSE_SECONDS, page_images

OG = '<meta property="og:image" content="a.png">'


@pytest.mark.parametrize(
    ("html", "images"),
    [
        (OG, ["a.png"]),
        ('<META CONTENT="a.png" PROPERTY="OG:Image">', ["a.png"]),
        ("<meta property=og:image content=a.png>", ["a.png"]),
        ("<meta property='og:image' content='a.png'/>", ["a.png"]),
        ('<meta name="og:image" content="a.png">', ["a.png"]),
        ('<meta property="og:image:url" content="a.png">', ["a.png"]),
        ('<meta property="og:image:secure_url" content="a.png">', ["a.png"]),
        ('<meta name="twitter:image" content="a.png">', ["a.png"]),
        ('<meta property="twitter:image:src" content="a.png">', ["a.png"]),
        ('<link rel="image_src" href="a.png">', ["a.png"]),
        ('<link rel="icon IMAGE_SRC" href="a.png">', ["a.png"]),
        ('<meta property="og:image" content="a.png?x=1&amp;y=2&#38;z=3">', ["a.png?x=1&y=2&z=3"]),
        # Ampersands as they stand in the URL.
        (
            '<meta property="og:image" content="a.png?w=1&region=us&timestamp=2&lt=4&amp=5">',
            ["a.png?w=1&region=us&timestamp=2&lt=4&amp=5"],
        ),
        (
            '<meta property="og:image" content="a.png?w=1&amp;reg=2&lt;&copy">',
            ["a.png?w=1&reg=2<©"],
        ),
        ('<meta property="og:image" content=" \n a.png\n">', ["a.png"]),
        ('<meta name="description" property="og:image" content="a.png">', ["a.png"]),
        # The best kind first, and of each kind in the order of the page.
        (
            "<link rel=image_src href=4><meta name=twitter:image content=3>"  # noqa: ISC004
            "<meta property=og:image content=1><meta property=og:image:url content=2>",
            ["1", "2", "3", "4"],
        ),
        ('<meta property="og:image" content=""><meta property="og:image" content=b>', ["b"]),
        # What is too long for a URL.
        (f'<meta property="og:image" content="data:,{"x" * 9000}">{OG}', ["a.png"]),
        (f'<link rel=image_src href="{"x" * 9000}">', []),
        # What says something else.
        ("", []),
        ("<img src=a.png>", []),
        ('<meta property="og:image:width" content="600">', []),
        ('<meta property="og:image">', []),
        ('<link rel="stylesheet" href="a.css"><link href="b">', []),
        (f"<!-- {OG} -->", []),
        (f"<script>'{OG}'</script>", []),
        (f"<style>{OG}</style>", []),
        # Broken pages.
        (f"{OG} <p", ["a.png"]),
        (f"<div <span {OG}", []),
        (f"</head></html></p>{OG}", ["a.png"]),
        (f"<html><head><title>x</title>{OG}<body><p>no end", ["a.png"]),
        (f"<p>text < more {OG}", ["a.png"]),
        (f"<!doctype <html>{OG}", ["a.png"]),
        (f"\0\x01{OG}", ["a.png"]),
        ('<meta property="og:image" content="a.png" content="b.png">', ["a.png"]),
        ("<body>" + OG, ["a.png"]),
        ("<!DOCTYPE html>\n<svg></svg>" + OG, ["a.png"]),
        (f'<?xml version="1.0"?><html xmlns="x"><head>{OG}</head></html>', ["a.png"]),
    ],
)
def test_what_a_page_names(html: str, images: list[str]) -> None:
    assert page_images(html.encode())[0] == images


@pytest.mark.parametrize(
    ("html", "base"),
    [
        ("<base href='/b/'>" + OG, "/b/"),
        (OG + "<base href='/b/'>", "/b/"),
        ("<base target=_top><base href=one><base href=two>", "one"),
        (OG, ""),
        (f"<base href='{'x' * 9000}'><base href=two>", "two"),
    ],
)
def test_the_base_of_a_page(html: str, base: str) -> None:
    assert page_images(html.encode())[1] == base


@pytest.mark.parametrize(
    ("encoding", "content_type", "own"),
    [
        ("utf-8", "text/html", ""),
        ("utf-8", "text/html; charset=UTF-8", ""),
        ("utf-8-sig", "text/html; charset=latin-1", ""),
        ("utf-16", "text/html", ""),
        ("utf-16-le", "text/html;charset=utf-16", ""),
        ("cp1252", "", ""),
        ("cp1252", 'text/html; charset="ISO-8859-1"', ""),
        ("cp1252", "text/html", "<meta charset=windows-1252>"),
        ("latin-1", "text/html; charset=no-such", "<meta charset='latin1'>"),
        ("utf-8", "text/html; charset=punycode", "<meta charset=utf-8>"),
        ("utf-8", "text/html", "<meta charset=utf-16>"),
        (
            "gb18030",
            "",
            '<META http-equiv="Content-Type" content="text/html; charset=gb2312">',
        ),
    ],
)
def test_it_is_read_in_its_encoding(encoding: str, content_type: str, own: str) -> None:
    html = f"<html><head>{own}<meta property=og:image content='/\u00fc.png'>"
    assert page_images(html.encode(encoding), content_type)[0] == ["/\u00fc.png"]


@pytest.mark.parametrize(("encoding", "word"), [("shift_jis", "\u732b"), ("koi8-r", "\u043a")])
def test_so_is_one_of_another_part_of_the_world(encoding: str, word: str) -> None:
    html = f"<meta property=og:image content='/{word}.png'>".encode(encoding)
    assert page_images(html, f"text/html; charset={encoding}")[0] == [f"/{word}.png"]


def test_a_page_that_is_cut_within_a_character_is_still_utf_8() -> None:
    html = "<meta property=og:image content='/\u00fc.png'>\u00fc".encode()[:-1]
    assert page_images(html)[0] == ["/\u00fc.png"]


@pytest.mark.parametrize("rest", ["<p>&#{} ", '<meta property="og:image" content="&#{};">'])
def test_a_number_that_python_does_not_read_ends_the_page(rest: str) -> None:
    assert page_images((OG + rest.format("1" * 5000)).encode())[0] == ["a.png"]


def test_what_follows_a_head_with_an_image_is_not_read() -> None:
    text = f"<head>{OG}</head><body>" + "<p>x" * 50_000 + OG
    assert page_images(text.encode())[0] == ["a.png"]


def test_no_more_than_a_few_are_kept() -> None:
    assert len(page_images((OG * 5000).encode())[0]) == 16


HOSTILE = ("<div>", "<a ", "<!--", "<b><p>", '<a b="', "<a b=c ", "</a", "<![", "&#", "<")


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_for_a_page_is_bounded(piece: str) -> None:
    looks = itertools.count(step=PARSE_SECONDS / 3)  # each piece takes a third of it

    html = OG + piece * (1_000_000 // len(piece)) + OG.replace("a.png", "b.png")

    assert page_images(html.encode(), cpu_clock=lambda: next(looks))[0] == ["a.png"]
    assert next(looks) < 2 * PARSE_SECONDS


_PIECES = (
    "<",
    "<!",
    "<![",
    "<!--",
    "-->",
    "]]>",
    "<?",
    "</",
    ">",
    "<a",
    " b='",
    "&#x",
    OG,
    "x",
    "/",
)


@given(st.lists(st.sampled_from(_PIECES), max_size=30))
def test_whatever_a_page_holds_it_is_read(pieces: list[str]) -> None:
    assert page_images((OG + "".join(pieces)).encode())[0][0] == "a.png"
