"""TMPDIR: what is used if it cannot be."""

import tempfile
from pathlib import Path

import pytest

from service.settings.environment import SettingsError, temporary_directory_instead


@pytest.fixture(autouse=True)
def not_chosen_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tmp_path.is_dir()  # it needs the choice that is forgotten next
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.parametrize("wanted", ["{}", "{}/", "{}/../{}", "{}//.", "."])
def test_a_directory_that_can_be_written_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = wanted.format(tmp_path, tmp_path.name)
    monkeypatch.setenv("TMPDIR", wanted)
    assert temporary_directory_instead({"TMPDIR": wanted}) is None


def test_another_one_in_its_place_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    monkeypatch.setenv("TMPDIR", missing)
    assert temporary_directory_instead({"TMPDIR": missing}) == (missing, tempfile.gettempdir())
    assert tempfile.gettempdir() != missing


def test_so_is_one_in_place_of_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path)])
    assert temporary_directory_instead({}) == ("/tmp", str(tmp_path))
    assert temporary_directory_instead({"TEMP": str(tmp_path)}) is None


def test_none_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [missing])
    with pytest.raises(SettingsError, match=r"^TMPDIR: No usable temporary directory found"):
        temporary_directory_instead({"TMPDIR": missing})
