"""What the documents must name, they name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.problems.catalog import CATALOG
from service.settings.settings import Settings
from tests.check_documents import faults_of
from workers.contract.errors import Reason

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.unmeasured

ABSENT = [
    ("`parking_channel.py`", "no file parking_channel.py"),
    ("`service/absent.py`", "no file service/absent.py"),
    ("[a link](absent.md)", "no file absent.md"),
    ("[a link](cli.md#absent)", "no heading cli.md#absent"),
    ("[a link](../README.md)", "../README.md is not part of the site: name the file instead"),
    ("`make absent`", "no target: make absent"),
    ("ABSENT_SETTING", "no setting ABSENT_SETTING"),
    ("`GET /v1/absent`", "no route /v1/absent"),
]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"| `{reason}` |" in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("code", CATALOG)
def test_every_refusal_is_explained(code: str) -> None:
    lines = (ROOT / "docs" / "api.md").read_text().splitlines()
    row = f"| {CATALOG[code]['status']} | "
    assert [line for line in lines if line.startswith(row) and f"`{code}`" in line]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented(field: str) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    names = " ".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    assert field.upper() in names.replace(",", " ").split()


def test_every_event_that_asks_for_attention_is_explained() -> None:
    table = (ROOT / "docs" / "operations.md").read_text().split("| Event |")[1].split("\n\n")[0]
    names = " ".join(row.split("|")[1] for row in table.splitlines()[2:])
    explained = tuple(re.findall(r"`([^`…]+?)[: ]*…?`", names))
    assert not [event for event in _grave_events() if not event.startswith(explained)]


def _grave_events() -> Iterator[str]:
    """Yield the texts of log lines above info, but for those of Ray's actors."""
    for path in (*(ROOT / "service").rglob("*.py"), *(ROOT / "workers").rglob("*.py")):
        if "ray" in path.parts or path.name == "remove_board.py":
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="warning" | "error" | "critical" | "exception"),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event


@pytest.mark.parametrize(("text", "fault"), ABSENT)
def test_what_a_document_names_and_is_not_there_is_a_fault(text: str, fault: str) -> None:
    assert list(faults_of(ROOT / "docs" / "any.md", text)) == [fault]


def test_what_a_document_names_and_is_there_is_none() -> None:
    text = "`uploads.py`, `workers/state/`, [a link](cli.md#upload), `make lint`, MAX_ATTEMPTS"
    assert not list(faults_of(ROOT / "docs" / "any.md", text))


def test_the_site_shows_every_page() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    listed = (ROOT / "zensical.toml").read_text()
    assert not [page for page in pages if f'"{page}"' not in listed]
