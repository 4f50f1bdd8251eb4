"""Whether files, settings, routes and make targets that the documents name are there.

Run by ``make lint``: ``python -m tests.check_documents``. It prints a line for each that is not.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from service.openapi import describe
from service.settings.environment import load_settings
from service.settings.settings import Settings

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "benchmarks/README.md",
        ROOT / "service/problems/problems.md",
    )
    if path.name != "CHANGELOG.md"  # tells of what was
)

# Variables that are no settings of the service.
_OTHER_VARIABLES = re.compile(
    r"(?:ALL|HTTPS?|NO)_PROXY|RAY_\w+|GRPC_\w+|SOAK_\w+|CHAOS_FORM|PAGE_TRACE|TEST_\w+|COVERAGE_\w+"
    r"|RES_OPTIONS|NO_COLOR|IMGUP_\w+|X_FILE|PID_\w+"
    r"|CURLOPT_\w+|DNS_CACHE_TIMEOUT|MSG_\w+|PR_\w+|SO_\w+"
)
_FOLDERS = ("benchmarks", "deploy", "docs", "imgup", "sandbox", "service", "tests", "workers")

_find_code = re.compile(r"`([^`\n]+)`").findall
_find_link = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)").findall
_find_make = re.compile(r"^make ([a-z][a-z-]*)").findall
_find_variable = re.compile(r"(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w(])").findall
_is_path = re.compile(r"[A-Za-z0-9_.*/-]+").fullmatch
_match_route = re.compile(r"(?:(?:GET|POST|PUT|DELETE) )?(/v1/[^\s`?]*)").fullmatch
_find_targets = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE).findall


def main() -> int:
    faults = [
        f"{document.relative_to(ROOT)}: {fault}"
        for document in DOCUMENTS
        for fault in dict.fromkeys(_faults(document))
    ]
    sys.stdout.writelines(f"{fault}\n" for fault in faults)
    return bool(faults)


def _faults(document: Path) -> Iterator[str]:
    text = document.read_text()
    targets = {*_find_targets((ROOT / "Makefile").read_text())}
    settings = {field.upper() for field in Settings.model_fields}
    routes = {re.sub(r"\{[^}]*\}", "*", path) for path in describe(load_settings({}))["paths"]}
    for target in _find_link(text):
        if "://" not in target and not (document.parent / target).exists():
            yield f"no file {target}"
    code = _find_code(text)
    for name in (target for words in code for target in _find_make(words)):
        if name not in targets:
            yield f"no target: make {name}"
    for name in _find_variable(text):
        known = name in settings or name.removesuffix("_FILE") in settings
        if not known and not _OTHER_VARIABLES.fullmatch(name) and name not in _make_variables():
            yield f"no setting {name}"
    for words in code:
        if _names_a_file(words) and not any(ROOT.glob(words.rstrip("/"))):
            yield f"no file {words}"
        route = _match_route(words)
        if route and re.sub(r"\{[^}]*\}|:\w+", "*", route[1]).rstrip("/") not in routes:
            yield f"no route {route[1]}"


def _names_a_file(words: str) -> bool:
    return bool(_is_path(words)) and words.split("/", maxsplit=1)[0] in _FOLDERS and "/" in words


def _make_variables() -> set[str]:
    return set(re.findall(r"^([A-Z_]+) =", (ROOT / "Makefile").read_text(), re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
