"""What is installed is all there is, and all that it takes."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.unmeasured

PACKAGES = ("converter", "imgup", "sandbox", "service", "workers")

LOCKED = [
    path.relative_to(ROOT).with_suffix(".txt")
    for folder in (ROOT, ROOT / "benchmarks", ROOT / "tools")
    for path in sorted(folder.glob("requirements*.in"))
]

# Of the type checker.
NOT_AT_RUN_TIME = {"_typeshed"}

_find_pins = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(.*(?:\n    .*)*)", re.MULTILINE).findall


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy: setuptools leaves files beside the sources that get into later wheels."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", str(out), str(tree)], check=True, timeout=100
    )
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Else it is there in a checkout, and missing where the service is installed."""
    there = {
        path.relative_to(ROOT).as_posix()
        for top in PACKAGES
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == there


def test_every_folder_of_modules_is_a_package() -> None:
    for top in PACKAGES:
        for module in (ROOT / top).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module


def test_the_types_of_the_client_are_for_programs_too(wheel: zipfile.ZipFile) -> None:
    """Without this file type checkers ignore an installed package (PEP 561)."""
    assert "imgup/py.typed" in wheel.namelist()


def test_the_wheel_says_its_licence(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    (name,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert "the imgup authors" in wheel.read(name).decode()


def test_the_wheel_names_ranges_and_no_pins(metadata: Message) -> None:
    for requirement in _required(metadata, "service", "ray"):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert ">=" in operators, requirement
        assert operators <= {">=", "<"}, requirement


def test_the_client_imports_what_the_wheel_asks_for(metadata: Message) -> None:
    assert _imported("imgup") == {_name(one) for one in _required(metadata)}


def test_the_extras_ask_for_what_all_packages_import(metadata: Message) -> None:
    asked = {_name(one) for one in _required(metadata, "service", "ray")}
    assert _imported(*PACKAGES) == asked


def test_what_is_locked_is_in_the_range_that_the_wheel_names(metadata: Message) -> None:
    locked = _locked("requirements.txt") | _locked("requirements-ray.txt")
    for requirement in _required(metadata, "service", "ray"):
        assert requirement.specifier.contains(locked[_name(requirement)]), requirement


@pytest.mark.parametrize("path", LOCKED, ids=str)
def test_all_that_is_locked_has_hashes_and_names_no_index(path: Path) -> None:
    text = (ROOT / path).read_text()
    pins = _find_pins(text)
    assert pins
    assert len(pins) == len(re.findall(r"^[^#\s]", text, re.MULTILINE))
    assert all("--hash=sha256:" in rest for _, _, rest in pins)
    assert "://" not in text


@pytest.mark.parametrize("path", LOCKED, ids=str)
def test_all_that_is_wanted_is_locked(path: Path) -> None:
    lines = (ROOT / path.with_suffix(".in")).read_text().splitlines()
    wanted = {_name(Requirement(line)) for line in lines if line and line[0] not in "#-."}
    assert wanted <= _locked(path).keys()


def test_environments_that_are_shared_agree_about_versions() -> None:
    """One of the files is installed on top of another; `make lock` keeps them in step."""
    product = _locked("requirements.txt") | _locked("requirements-ray.txt")
    for path in ("requirements-dev.txt", "benchmarks/requirements.txt"):
        other = _locked(path)
        assert {
            name: other[name] for name in other.keys() & product.keys()
        }.items() <= product.items()


def _required(metadata: Message, *extras: str) -> list[Requirement]:
    """What the wheel asks for without an extra, and with each of these; itself left out."""
    every = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    return [
        one
        for one in every
        if one.name != "imgup"
        and (not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras))
    ]


def _name(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


def _locked(path: str | Path) -> dict[str, str]:
    return {name: version for name, version, _ in _find_pins((ROOT / path).read_text())}


def _imported(*packages: str) -> set[str]:
    """The distributions that these packages' own modules import from, wherever the line stands."""
    names = {
        name.partition(".")[0]
        for package in packages
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in _names(node)
    }
    homes = packages_distributions()
    ours = sys.stdlib_module_names | NOT_AT_RUN_TIME | set(PACKAGES)
    # What is not installed, ray, is called like its module.
    return {canonicalize_name(homes.get(name, [name])[0]) for name in names - ours}


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []
