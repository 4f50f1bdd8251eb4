"""What CI and pre-commit run is what the Makefile and pyproject.toml say."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from imgup.version import VERSION

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_ci_runs_the_one_script_on_each_python_from_the_oldest_on() -> None:
    job = load(".github/workflows/ci.yml")["jobs"]["test"]
    versions = job["strategy"]["matrix"]["python"]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert versions == ["3.11", "3.12", "3.13"]
    assert job["steps"][-1]["run"] == ".ci/run"


def test_pre_commit_runs_a_target_of_make() -> None:
    (hook,) = load(".pre-commit-config.yaml")["repos"][0]["hooks"]
    target = re.fullmatch(r"make (\w+)", hook["entry"])[1]
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_templates_of_issues_are_forms() -> None:
    for form in ("bug", "feature"):
        assert load(f".github/ISSUE_TEMPLATE/{form}.yml").keys() >= {"name", "description", "body"}


def test_one_version() -> None:
    assert PROJECT["version"] == VERSION
    assert f"\n## {VERSION} " in (ROOT / "CHANGELOG.md").read_text()
