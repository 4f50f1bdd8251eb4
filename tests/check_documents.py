"""Checks that the files, settings, routes and make targets in the documents exist.

Run by ``make lint``: ``python -m tests.check_documents``. It prints a line for each that does not.
"""

import fnmatch
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from service.openapi.document import describe
from service.settings.environment import load_settings
from service.settings.settings import Settings

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs"
# The service reads this file; docs/ has a copy, as GitHub does not resolve includes.
PROBLEMS = ROOT / "service/problems/problems.md"
DOCUMENTS = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "benchmarks/README.md",
        PROBLEMS,
    )
    if path.name != "CHANGELOG.md"  # tells of what was
)

# Variables that are no settings of the service.
_OTHER_VARIABLES = re.compile(
    r"(?:ALL|HTTPS?|NO)_PROXY|RAY_\w+|GRPC_\w+|SOAK_\w+|CHAOS_FORM|PAGE_TRACE|TEST_\w+|COVERAGE_\w+"
    r"|RES_OPTIONS|NO_COLOR|REQUESTS_CA_BUNDLE|IMGUP_\w+|X_FILE|PID_\w+"
    r"|SOURCE_LOGIN_REQUIRED"  # of the first change in CONTRIBUTING.md
    r"|CURLOPT_\w+|DNS_CACHE_TIMEOUT|MSG_\w+|PR_\w+|SO_\w+"
)
_FOLDERS = (
    "benchmarks",
    "deploy",
    "docs",
    "imgup",
    "sandbox",
    "service",
    "tests",
    "tools",
    "workers",
)

_find_code = re.compile(r"`([^`\n]+)`").findall
_find_link = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]*))?\)").findall
_find_make = re.compile(r"^make ([a-z][a-z-]*)").findall
_find_variable = re.compile(r"(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w(])").findall
_is_file_name = re.compile(r"[\w*-]+\.(?:css|html|js|py|sh|toml|yaml)").fullmatch
_find_headings = re.compile(r"^#+ (.+)$", re.MULTILINE).findall
_is_path = re.compile(r"[A-Za-z0-9_.*/-]+").fullmatch
_match_route = re.compile(r"(?:(?:GET|POST|PUT|DELETE) )?(/v1/[^\s`?]*)").fullmatch
_find_targets = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE).findall


def main() -> int:
    faults = [
        f"{document.relative_to(ROOT)}: {fault}"
        for document in DOCUMENTS
        for fault in dict.fromkeys(faults_of(document, document.read_text()))
    ]
    if PROBLEMS.read_text() != (SITE / PROBLEMS.name).read_text():
        faults.append(f"docs/{PROBLEMS.name}: not a copy of {PROBLEMS.relative_to(ROOT)}")
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return bool(faults)


def faults_of(document: Path, text: str) -> Iterator[str]:
    """What a document names and is not there, a phrase for each."""
    targets = {*_find_targets((ROOT / "Makefile").read_text())}
    settings = {field.upper() for field in Settings.model_fields}
    for target, anchor in _find_link(text):
        if "://" not in target:
            yield from _faults_of_link(document, target, anchor)
    code = _find_code(text)
    yield from _absent_files(code)
    for name in (target for words in code for target in _find_make(words)):
        if name not in targets:
            yield f"no target: make {name}"
    for name in _find_variable(text):
        known = name in settings or name.removesuffix("_FILE") in settings
        if not known and not _OTHER_VARIABLES.fullmatch(name) and name not in _make_variables():
            yield f"no setting {name}"
    for words in code:
        route = _match_route(words)
        if route and re.sub(r"\{[^}]*\}|:\w+", "*", route[1]).rstrip("/") not in _routes():
            yield f"no route {route[1]}"


def _absent_files(code: list[str]) -> Iterator[str]:
    for words in code:
        if _names_a_file(words) and not any(ROOT.glob(words.rstrip("/"))):
            yield f"no file {words}"
        if _is_file_name(words) and not any(fnmatch.filter(_file_names(), words)):
            yield f"no file {words}"


def _faults_of_link(document: Path, target: str, anchor: str) -> Iterator[str]:
    path = (document.parent / target).resolve()
    if not path.exists():
        yield f"no file {target}"
    elif SITE in document.parents and SITE not in path.parents:
        yield f"{target} is not part of the site: name the file instead"
    elif anchor and anchor not in {_slug(heading) for heading in _find_headings(path.read_text())}:
        yield f"no heading {target}#{anchor}"


def _slug(heading: str) -> str:
    """The anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@cache
def _routes() -> frozenset[str]:
    paths = describe(load_settings({}))["paths"]
    return frozenset(re.sub(r"\{[^}]*\}", "*", path) for path in paths)


@cache
def _file_names() -> frozenset[str]:
    inside = (path for folder in _FOLDERS for path in (ROOT / folder).rglob("*"))
    return frozenset(path.name for path in (*ROOT.iterdir(), *inside))


def _names_a_file(words: str) -> bool:
    return bool(_is_path(words)) and words.split("/", maxsplit=1)[0] in _FOLDERS and "/" in words


def _make_variables() -> set[str]:
    return set(re.findall(r"^([A-Z_]+) =", (ROOT / "Makefile").read_text(), re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
