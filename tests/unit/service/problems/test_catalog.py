"""The table of problems: complete, and what each `type` leads to."""

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from service.problems.catalog import CATALOG
from workers.contract.messages.submission import RefusalCode

ROOT = Path(__file__).parents[4]
CODE = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
# What makes a problem, and the place of the code among its arguments.
MAKERS = {"Problem": 0, "bad_field": 1, "problem_body": 1}


def codes_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        place = MAKERS.get(node.func.id)
        if place is not None and len(node.args) > place:
            code = node.args[place]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value


def test_every_code_that_the_source_names_is_in_it() -> None:
    found = {
        code
        for file in (ROOT / "service").rglob("*.py")
        for code in codes_in(ast.parse(file.read_text()))
    }
    assert len(found) > 15
    assert found <= set(CATALOG), sorted(found - set(CATALOG))


def test_so_is_every_refusal_of_the_backend() -> None:
    assert {code.value for code in RefusalCode} <= set(CATALOG)


def test_every_row_of_the_table_is_read() -> None:
    rows = (ROOT / "service" / "problems" / "problems.md").read_text().count("\n| `")
    assert len(CATALOG) == rows, "a code twice, or a row of another form"


@pytest.mark.parametrize("code", CATALOG)
def test_each_is_explained(api: Any, code: str) -> None:
    entry = CATALOG[code]
    assert CODE.fullmatch(code)
    assert entry["status"] >= HTTPStatus.BAD_REQUEST
    answer = api.get(f"/problems/{code}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == entry
    assert entry["type"] == f"/problems/{entry['code']}"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (BROWSER, "text/html; charset=utf-8"),
        ("text/html", "text/html; charset=utf-8"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("image/png", "application/json"),
        ('text/html;long="' + 3000 * ";", "application/json"),
    ],
)
def test_in_the_form_that_is_preferred(api: Any, accept: str, media_type: str) -> None:
    answer = api.get("/problems/queue-full", headers={"Accept": accept})
    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


def test_a_problem_leads_to_its_explanation(api: Any) -> None:
    problem = api.get("/v1/images?limit=x").json
    explanation = api.get(problem["type"]).json
    assert (explanation["code"], explanation["status"]) == (problem["code"], problem["status"])


def test_there_is_no_other(api: Any) -> None:
    answer = api.get("/problems/no-such-thing")
    assert (answer.status, answer.json["code"]) == (404, "not-found")
