"""The version; pyproject.toml names the same."""

from typing import Final

VERSION: Final = "0.1.0"
