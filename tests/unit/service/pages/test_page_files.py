import shutil
from pathlib import Path

import pytest

from service.pages import page_files


@pytest.mark.parametrize("name", [".app.js.swp", "app.js~", ".DS_Store"])
def test_other_programs_files_are_no_part_of_the_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "page"
    shutil.copytree(page_files._FILES, folder)
    (folder / name).write_bytes(b"kept by an editor")
    version = page_files.PageFiles().version
    monkeypatch.setattr(page_files, "_FILES", folder)
    found = page_files.PageFiles()
    assert found.version == version
    assert found.find(version, name) is None
