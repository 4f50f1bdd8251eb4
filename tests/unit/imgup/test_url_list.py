"""Lists of URLs: their formats, and the entries that are set aside."""

import pytest

from imgup.url_list import Entry, UrlListError, read_list, sort_out


def _places(content: bytes) -> list[tuple[str, str]]:
    return [(entry.value, entry.place) for entry in read_list(content, "list.txt")]


def test_a_list_has_one_url_a_line_and_lines_keep_their_numbers():
    content = (
        b"\xef\xbb\xbf# cats\r\n\r\n  https://a/1 \r\n\n\t# dogs\nhttps://a/2#part\nhttps://a/1"
    )
    assert _places(content) == [
        ("https://a/1", "list.txt:3"),
        ("https://a/2#part", "list.txt:6"),
        ("https://a/1", "list.txt:7"),
    ]


def test_two_files_with_byte_order_marks_may_come_one_after_the_other():
    content = b"\xef\xbb\xbfhttps://a/1\r\n\xef\xbb\xbf# dogs\r\n\xef\xbb\xbfhttps://a/2"
    assert _places(content) == [("https://a/1", "list.txt:1"), ("https://a/2", "list.txt:3")]


def test_a_carriage_return_alone_ends_a_line():
    assert _places(b"https://a/1\r# dogs\rhttps://a/2\r") == [
        ("https://a/1", "list.txt:1"),
        ("https://a/2", "list.txt:3"),
    ]


def test_of_a_line_with_tabs_the_urls_count():
    content = b"https://a/1\ta cat\n2\thttps://a/2 \nno\turl\ndata:image/gif,a\tb\n"
    assert [entry for entry, _ in _places(content)] == [
        *("https://a/1", "https://a/2", "no\turl", "data:image/gif,a\tb")
    ]


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be"])
def test_a_list_may_be_utf_16_as_windows_writes_it(coding):
    marked = "" if coding == "utf-16" else "\ufeff"
    content = f"{marked}https://a/1\r\nhttps://a/ü\r\n".encode(coding)
    assert [entry for entry, _ in _places(content)] == ["https://a/1", "https://a/ü"]


@pytest.mark.parametrize(
    "content", [b' ["https://a/1", 5, null]', b'\xef\xbb\xbf\n{"urls": ["https://a/1", 5, null]}']
)
def test_a_list_may_be_json(content):
    entries = list(read_list(content, "list.json"))
    assert [entry.value for entry in entries] == ["https://a/1", "5", "null"]
    assert [entry.place for entry in entries][1] == "list.json: entry 2"
    assert [entry.is_text for entry in entries] == [True, False, False]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"https://a/1\nhttps://a/\xff", "list.txt:2: not UTF-8"),
        (b"\xff\xfeh\0t", "list.txt:1: not UTF-16"),
        (b'[\n"https://a/1",\n', "list.txt:3: not JSON"),
        (b'{"links": []}', "'links'"),
        (b'{"urls": [], "album": "x"}', "'album'"),
        (b'{"urls": "https://a/1"}', "expected a JSON array"),
        (b"{}", "expected a JSON array"),
        (b"[" * 100_000, "cannot be read"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(content, said):
    with pytest.raises(UrlListError, match=r"^list\.txt") as caught:
        list(read_list(content, "list.txt"))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        (
            b'url,title\r\nhttps://a/1,"a cat,\r\nblack"\r\n"https://a/2,3", \r\n,\r\n',
            [("https://a/1", 3), ("https://a/2,3", 4)],
        ),
        (
            b"name;image;thumb\ncat; https://a/1 ;https://a/2\n",
            [("https://a/1", 2), ("https://a/2", 2)],
        ),
        (b"sep=;\r\nname;image\r\ncat;https://a/1,2\r\n", [("https://a/1,2", 3)]),
        ("Bild\tURL\n1\thttps://a/1".encode("utf-16"), [("https://a/1", 2)]),
        (b'url\nhttps://a/w_3,h_2\n"https://a/2"', [("https://a/w_3,h_2", 2), ("https://a/2", 3)]),
        (b"https://a/w_3,h_2\nhttps://a/2", [("https://a/w_3,h_2", 1), ("https://a/2", 2)]),
        (b'"https://a/1","x"', [("https://a/1", 1)]),
        (b"a/1.jpg", [("a/1.jpg", 1)]),
        ("URL,Größe\nhttps://a/1,größer".encode("cp1252"), [("https://a/1", 2)]),
        (b"url,title\na/1.jpg,a cat", [("a/1.jpg,a cat", 2)]),
        (b"url\ndata:image/gif," + b"a" * 200_000, [("data:image/gif," + "a" * 200_000, 2)]),
        (b"# mine\nhttps://a/1,2", [("https://a/1,2", 2)]),
        (b"", []),
    ],
)
def test_of_a_table_the_urls_count(content, entries):
    places = [Entry(value, f"l.CSV:{line}") for value, line in entries]
    assert list(read_list(content, "l.CSV")) == places


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("example.com/cat.png", "not an http"),
        ("ftp://example.com/cat.png", "not an http"),
        ("https:example.com/cat.png", "not an http"),
        ("https://exam ple.com/cat.png", "space"),
        ("https://exam\tple.com/cat.png", "control"),
        ("https://example.com\\cat.png", "backslash"),
        ("https://example.com%252e/cat.png", "%"),
        ("https://exam%20ple.com/cat.png", "space"),
        ("https://exam%2Fple.com/cat.png", "in its host"),
        ("https://exam%ffple.com/cat.png", "in its host"),
        ("https://me%40example.com/cat.png", "password"),
        ("https://example.com/\ud83d", "half a character"),
        ("https:////cat.png", "no host"),
        ("https://example.com:port/", "port"),
        ("https://[::1/", "host"),
        ("https://me:secret@example.com/", "password"),
        ("https://example.com/" + "a" * 8192, "longer"),
        ("data:image/png;base64", "comma"),
    ],
)
def test_what_is_plainly_no_url_of_an_image_is_set_aside(value, why):
    good, (aside,) = sort_out([Entry("https://a/1", "p"), Entry(value, "list.txt:2")])
    assert good == [Entry("https://a/1", "p")]
    assert aside.entry == Entry(value, "list.txt:2")
    assert why in aside.why


@pytest.mark.parametrize(
    "value",
    [
        "http://a/1",
        "HTTPS://EXAMPLE.COM/CAT.PNG",
        "https://bücher.example/größe.png?a=b#c",
        "http://b%C3%BCcher%2eexample/a.png",
        "https:/example.com/cat.png",
        "https:///example.com:8001/cat.png",
        "http://[::1]:8001/a.png",
        "http://127.0.0.1:8001/a.png",
        " https://example.com/a cat.png\n",
        "\x00https://example.com ",
        "https://😀.my_host.example.:/a\\b\x1b[31m.png?50%",
        "data:image/png;base64," + "A" * 100_000,
        " DATA:image/gif,GIF89a%01 %02",
    ],
)
def test_the_rest_is_sent(value):
    assert sort_out([Entry(value, "p")]) == ([Entry(value, "p")], [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://me:se/cr@et@example.com/", "https://…@example.com/"),
        ("https://me:secret@example.com/a", "https://…@example.com/a"),
        ("https://me:se@cret@example.com/a?b@c", "https://…@example.com/a?b@c"),
        ("https:/me:secret@example.com/a", "https://…@example.com/a"),
        ("ftp://" + "a" * 9000, "ftp://" + "a" * 194 + "…"),
    ],
)
def test_what_is_set_aside_is_shown_without_its_password(value, shown):
    _, (aside,) = sort_out([Entry(value + "\\", "p")])
    assert aside.shown == shown + ("" if shown.endswith("…") else "\\")


def test_a_table_whose_quote_is_not_closed_is_told_at_once():
    table = b'url\n"' + b"https://example.com/cat.png\n" * 20_000
    _, (aside,) = sort_out(read_list(table, "list.csv"))
    assert aside.shown.startswith("https://example.com/cat.png")


def test_the_data_of_a_data_url_is_not_shown():
    _, (aside,) = sort_out([Entry("data:image/png;base64", "p")])
    assert aside.shown == "data:image/png;base64,…"


def test_what_is_no_text_is_set_aside():
    _, (aside,) = sort_out([Entry("5", "p", is_text=False)])
    assert aside.why == "not a text"
