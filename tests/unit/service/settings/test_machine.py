"""The limits of memory and processor time, as control groups tell them."""

from pathlib import Path

import pytest

from service.settings import machine
from service.settings.machine import memory_limit, usable_cores

MIB = 1024**2


@pytest.fixture
def limits(tmp_path: Path):
    def read(membership: str, read_limit=memory_limit, **files: str) -> int:
        (tmp_path / "self").write_text(membership)
        for name, text in files.items():
            file = tmp_path / "cgroup" / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return read_limit(tmp_path / "cgroup", tmp_path / "self")

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


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "platform", "other")
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 8)


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("share", "cores"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("5000 100000", 1),
        ("max 100000", 8),
        ("1600000 100000", 8),
    ],
)
def test_a_share_of_the_processor_is_so_many_cores(limits, share: str, cores: int) -> None:
    assert limits("0::/a/b\n", usable_cores, a__cpu_DOT_max=share + "\n") == cores


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(("quota", "cores"), [("300000", 3), ("-1", 8)])
def test_a_share_of_version_1(limits, quota: str, cores: int) -> None:
    files = {"cpu__cpu_DOT_cfs_quota_us": quota, "cpu__cpu_DOT_cfs_period_us": "100000\n"}
    assert limits("9:cpu,cpuacct:/docker/x\n0::/\n", usable_cores, **files) == cores
