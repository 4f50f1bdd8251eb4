import pytest

from workers.contract.job_options import JobOptions
from workers.contract.messages.round_trip import ImageOptions, Lease
from workers.worker.image_text import fields_of, template_faults

URL = "https://Photos.Example.test:8443/2024/black%20cat.jpg?key=secret#part"


def lease(options: ImageOptions | None, url: str = URL, index: int = 2) -> Lease:
    return Lease(1, "j", index, url, 1, options)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{number} of {count}", "3 of 12"),
        ("{name} from {host}", "black cat.jpg from photos.example.test"),
        ("{number}{number}", "33"),
        ("{{{number}}} {{count}}", "{3} {count}"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    fields = fields_of(lease(ImageOptions(12, JobOptions(title=template, description=template))))

    assert fields == {"title": text, "description": text}
    assert template_faults(template) == ()


def test_what_was_not_asked_for_is_no_field() -> None:
    assert fields_of(lease(None)) == {}
    assert fields_of(lease(ImageOptions(1, JobOptions(source_headers=(("https://a", ()),))))) == {}
    assert fields_of(lease(ImageOptions(1, JobOptions(album="aB1")))) == {"album": "aB1"}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.test", ""),
        ("https://a.test/folder/", ""),
        ("https://a.test/" + "x" * 500, "x" * 100),
        ("https://a.test/a%0D%0Ab%FF%2Fc", "ab/c"),
        ("https://a.test/{count}.png", "{count}.png"),
        (" https://a.test/b/black cat.jpg\n", "black cat.jpg"),
        ("https://a.test/b\\c.jpg", "c.jpg"),
        ("data:image/png;base64,iVBORw0K/Ggo… (9 bytes, SHA-256 0)", ""),
    ],
)
def test_a_name_is_a_short_line_whatever_the_url(url: str, name: str) -> None:
    assert fields_of(lease(ImageOptions(1, JobOptions(title="[{name}]")), url)) == {
        "title": f"[{name}]"
    }


@pytest.mark.parametrize(
    "url", ["\n https://Bücher.test ", "https:/bücher.test:80/a", "http:///b%C3%BCcher.test/a"]
)
def test_the_host_is_named_as_submitted(url: str) -> None:
    fields = fields_of(lease(ImageOptions(1, JobOptions(title="[{host}]")), url))

    assert fields == {"title": "[bücher.test]"}


@pytest.mark.parametrize(
    ("template", "faults"),
    [
        ("{nummer}", ("{nummer}",)),
        ("{} {number", ("{}", "{")),
        ("number}", ("}",)),
        ("{a} {b} {a}", ("{a}", "{b}")),
        ("{number.__class__} {number!r} {number:>9}", None),
        ("{{number}", ("}",)),
    ],
)
def test_all_faults_of_a_template_are_found(template: str, faults: tuple[str, ...] | None) -> None:
    assert template_faults(template) == (faults or tuple(template.split()))
