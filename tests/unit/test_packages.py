"""What is installed is all there is."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_is_listed() -> None:
    """Else it is there in a checkout, and missing where the service is installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        tool = tomllib.load(file)["tool"]["setuptools"]
    found = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for top in ("imgup", "sandbox", "service", "workers")
        for init in (ROOT / top).rglob("__init__.py")
    }
    assert sorted(tool["packages"]) == sorted(found)


def test_every_folder_of_modules_is_a_package() -> None:
    for top in ("imgup", "sandbox", "service", "workers"):
        for module in (ROOT / top).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module
