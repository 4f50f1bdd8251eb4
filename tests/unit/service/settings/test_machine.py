"""The memory limit, as control groups tell it."""

from pathlib import Path

import pytest

from service.settings.machine import memory_limit

MIB = 1024**2


@pytest.fixture
def limits(tmp_path: Path):
    def read(membership: str, **files: str) -> int:
        (tmp_path / "self").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "cgroup" / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return memory_limit(tmp_path / "cgroup", tmp_path / "self")

    return read


def test_a_container_has_its_own(limits) -> None:
    assert limits("0::/\n", memory_DOT_max=f"{64 * MIB}\n") == 64 * MIB


def test_the_lowest_above_applies(limits) -> None:
    found = limits(
        "0::/a/b\n",
        a__b__memory_DOT_max="max\n",
        a__memory_DOT_max=f"{32 * MIB}\n",
        memory_DOT_max=f"{64 * MIB}\n",
    )
    assert found == 32 * MIB


def test_of_version_1(limits) -> None:
    found = limits(
        "9:cpu,cpuacct:/docker/x\n5:memory:/docker/x\n",
        memory__memory_DOT_limit_in_bytes=f"{16 * MIB}\n",
        memory_DOT_max="1\n",
    )
    assert found == 16 * MIB


@pytest.mark.parametrize("text", ["max\n", str(2**63 - 4096)])
def test_without_a_limit_it_is_the_machines(limits, text: str) -> None:
    machine = limits("", memory_DOT_max="1\n")
    assert machine > 64 * MIB
    assert limits("0::/\n", memory_DOT_max=text) == machine


def test_where_nothing_tells_of_groups_it_is_the_machines(tmp_path: Path) -> None:
    assert memory_limit(tmp_path / "none", tmp_path / "none") > 64 * MIB
