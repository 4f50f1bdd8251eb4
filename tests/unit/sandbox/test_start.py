"""What the sandbox imports at its start."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_start_imports_neither_tls_nor_templates_nor_colours() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "sandbox", "--help"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "aiohttp.web" in loaded
    assert not loaded & {"_ssl", "jinja2", "rich.console"}
