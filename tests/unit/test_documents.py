"""What the documents must name, they name."""

from pathlib import Path

import pytest

from service.settings.settings import Settings
from workers.contract.errors import Reason
from workers.contract.messages import DeletionRefusal, RefusalCode

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"| `{reason}` |" in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_is_explained(code: RefusalCode) -> None:
    assert f"`{code}`" in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("code", DeletionRefusal)
def test_every_refusal_to_delete_is_explained(code: DeletionRefusal) -> None:
    assert f"`{code}`" in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_in_the_readme(field: str) -> None:
    table = (ROOT / "README.md").read_text().partition("## Configuration")[2]
    assert field.upper() in table.partition("\n## ")[0]
