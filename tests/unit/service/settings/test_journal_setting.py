"""JOURNAL_PATH: off unless set, and then a file that can be made."""

from pathlib import Path

import pytest

from service.settings.environment import SettingsError, load_settings


def test_there_is_no_journal_unless_it_is_wanted() -> None:
    assert load_settings({}).journal_path is None
    assert load_settings({"JOURNAL_PATH": ""}).journal_path is None


def test_a_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({"JOURNAL_PATH": "journal"}).journal_path == str(tmp_path / "journal")


@pytest.mark.parametrize("name", ["missing/journal", "file/journal", ".", "circle", "x" * 300])
def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(SettingsError, match=r"JOURNAL_PATH=.*: expected the path of a file"):
        load_settings({"JOURNAL_PATH": str(tmp_path / name)})
