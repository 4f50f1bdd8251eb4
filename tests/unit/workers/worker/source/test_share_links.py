"""Share links of well-known hosts, each beside the link of the file."""

import pytest

from workers.contract.wire_url import wire_url
from workers.worker.source.share_links import direct_link

DRIVE = "https://drive.google.com/uc?export=download&id=1aB_c-D2"


@pytest.mark.parametrize(
    ("shared", "direct"),
    [
        # Google Drive
        ("https://drive.google.com/file/d/1aB_c-D2/view?usp=sharing", DRIVE),
        ("https://drive.google.com/file/d/1aB_c-D2", DRIVE),
        ("http://drive.google.com/file/u/0/d/1aB_c-D2/edit", DRIVE),
        ("https://docs.google.com/file/d/1aB_c-D2/preview", DRIVE),
        ("https://drive.google.com/open?id=1aB_c-D2", DRIVE),
        ("https://drive.google.com/open?usp=x&id=1aB_c-D2&z=1", DRIVE),
        ("https://drive.google.com/uc?id=1aB_c-D2", DRIVE),
        ("https://drive.google.com/u/0/uc?id=1aB_c-D2&export=download", DRIVE),
        ("https://drive.google.com/a/a.test/file/d/1aB_c-D2/view", DRIVE),
        (
            "https://drive.google.com/file/d/1aB_c-D2/view?resourcekey=0-xY_z",
            f"{DRIVE}&resourcekey=0-xY_z",
        ),
        ("https://drive.google.com/file/d/1aB_c-D2/view?resourcekey=%26x%3d1", DRIVE),
        # Dropbox
        (
            "https://www.dropbox.com/s/abc/black%20cat.jpg?dl=0",
            "https://www.dropbox.com/s/abc/black%20cat.jpg?dl=1",
        ),
        ("https://dropbox.com/s/abc/cat.jpg", "https://www.dropbox.com/s/abc/cat.jpg?dl=1"),
        (
            "https://www.dropbox.com/scl/fi/a1/cat.png?rlkey=k%2B1&e=1&st=s&dl=0",
            "https://www.dropbox.com/scl/fi/a1/cat.png?rlkey=k%2B1&e=1&st=s&dl=1",
        ),
        ("https://m.dropbox.com/s/a/c.png?raw=1", "https://www.dropbox.com/s/a/c.png?dl=1"),
        # Imgur's own pages
        ("https://imgur.com/gAGub9k", "https://i.imgur.com/gAGub9k.jpg"),
        ("http://www.imgur.com/skSp0", "https://i.imgur.com/skSp0.jpg"),
        ("https://m.imgur.com/gAGub9k?r", "https://i.imgur.com/gAGub9k.jpg"),
        ("https://imgur.com./gAGub9k", "https://i.imgur.com/gAGub9k.jpg"),
        ("https://i.imgur.com/gAGub9k.gifv", "https://i.imgur.com/gAGub9k.gif"),
        # Places of source code
        (
            "https://github.com/o/r/blob/feature/x/docs/a%20b.png?raw=true",
            "https://github.com/o/r/raw/feature/x/docs/a%20b.png",
        ),
        (
            "https://gitlab.com/g/sub/p/-/blob/main/a.png?ref_type=heads",
            "https://gitlab.com/g/sub/p/-/raw/main/a.png",
        ),
        (
            "https://gitlab.com/g/sub/p/blob/main/a.png",
            "https://gitlab.com/g/sub/p/-/raw/main/a.png",
        ),
        ("https://bitbucket.org/w/r/src/main/a.png", "https://bitbucket.org/w/r/raw/main/a.png"),
        (
            "https://codeberg.org/o/r/src/branch/main/a.png",
            "https://codeberg.org/o/r/raw/branch/main/a.png",
        ),
        (
            "https://huggingface.co/o/r/blob/main/a.png",
            "https://huggingface.co/o/r/resolve/main/a.png",
        ),
        (
            "https://huggingface.co/datasets/o/r/blob/main/i/a.png",
            "https://huggingface.co/datasets/o/r/resolve/main/i/a.png",
        ),
        # Wikimedia
        (
            "https://commons.wikimedia.org/wiki/File:Black_cat_(1).jpg",
            "https://commons.wikimedia.org/wiki/Special:FilePath/Black_cat_(1).jpg",
        ),
        (
            "https://de.wikipedia.org/wiki/File:K%C3%A4tze.jpg?uselang=de",
            "https://de.wikipedia.org/wiki/Special:FilePath/K%C3%A4tze.jpg",
        ),
        (
            "https://en.m.wikipedia.org/wiki/File:Cat.jpg",
            "https://en.m.wikipedia.org/wiki/Special:FilePath/Cat.jpg",
        ),
        (
            "https://de.wikipedia.org/wiki/Hauskatze?a=b#/media/Datei:Black%20cat.jpg",
            "https://de.wikipedia.org/wiki/Special:FilePath/Black%20cat.jpg",
        ),
        (
            "https://de.wikipedia.org/wiki/Datei:Black_cat.JPG",
            "https://de.wikipedia.org/wiki/Special:FilePath/Black_cat.JPG",
        ),
        (
            "https://ru.wikipedia.org/wiki/%D0%A4%D0%B0%D0%B9%D0%BB:Cat.tiff?uselang=ru",
            "https://ru.wikipedia.org/wiki/Special:FilePath/Cat.tiff",
        ),
        # Reddit, and searches
        (
            "https://www.reddit.com/media?url=https%3A%2F%2Fi.redd.it%2F7kc1eb8knvy51.png",
            "https://i.redd.it/7kc1eb8knvy51.png",
        ),
        (
            "https://www.google.com/imgres?q=cat&imgurl=https%3A%2F%2Fa.test%2Fc.jpg%3Fx%3D1&h=2",
            "https://a.test/c.jpg?x=1",
        ),
        ("https://google.co.uk/imgres?imgurl=http://a.test/c.jpg", "http://a.test/c.jpg"),
        (
            "https://www.bing.com/images/search?view=detailV2&mediaurl=https%3a%2f%2fa.test%2fc.jpg",
            "https://a.test/c.jpg",
        ),
    ],
)
def test_a_share_link_becomes_the_link_of_its_file(shared: str, direct: str) -> None:
    assert direct_link(wire_url(shared), shared.partition("#")[2]) == direct
    assert wire_url(direct) == direct


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/file/d/1aB_c-D2/view",
        "https://drive.google.com.example.com/file/d/1aB_c-D2/view",
        "https://example.com/?u=https://drive.google.com/file/d/1aB_c-D2/view",
        "https://drive.google.com:8443/file/d/1aB_c-D2/view",
        "https://drive.google.com/drive/folders/1aB_c-D2",
        DRIVE,
        # An image by itself, also of files that are none.
        "https://drive.google.com/thumbnail?id=1aB_c-D2&sz=w200",
        "https://www.dropbox.com/scl/fo/a1/folder?rlkey=k&dl=0",
        "https://www.dropbox.com/sh/a1/folder?dl=0",
        "https://www.dropbox.com/s/abc/cat.jpg?dl=1",
        "https://dl.dropboxusercontent.com/s/abc/cat.jpg",
        "https://i.imgur.com/gAGub9k.jpg",
        "https://imgur.com/a/gAGub9k",
        "https://imgur.com/gallery/black-cat-gAGub9k",
        "https://imgur.com/",
        "https://github.com/o/r/raw/main/a.png",
        "https://github.com/o/r/tree/main/docs",
        "https://github.com/o/r",
        "https://gitlab.com/g/p/-/raw/main/a.png",
        "https://gitlab.com/g/p/-/raw/main/blob/a.png",
        "https://raw.githubusercontent.com/o/r/main/a.png",
        "https://huggingface.co/o/r/resolve/main/a.png",
        "https://commons.wikimedia.org/wiki/Category:Cats",
        "https://en.wikipedia.org/wiki/Cat#Taxonomy",
        "https://de.wikipedia.org/wiki/Kategorie:Cat.jpgs",
        "https://de.wikipedia.org/wiki/Benutzer:Cat/a.jpg",
        "https://de.wikipedia.org/wiki/Special:FilePath/Black_cat.jpg",
        "https://en.wikipedia.example/wiki/Cat#/media/File:Cat.jpg",
        "https://upload.wikimedia.org/wikipedia/commons/a/a9/Example.jpg",
        "https://www.google.com/imgres?imgurl=file:///etc/passwd",
        "https://www.google.com/search?q=cat",
        "https://www.reddit.com/media?url=file:///etc/passwd",
        "https://www.reddit.com/r/cats/comments/1/media",
    ],
)
def test_others_stay_as_they_are(url: str) -> None:
    assert direct_link(wire_url(url), url.partition("#")[2]) is None
