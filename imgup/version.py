"""The version; pyproject.toml names the same."""

from typing import Final

VERSION: Final = "0.2.0"
