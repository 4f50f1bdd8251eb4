"""What the sandbox imports at its start, and what its log is like without a library for it."""

import json
import logging
import subprocess
import sys
from pathlib import Path

from sandbox.run import _LineFormatter

ROOT = Path(__file__).parents[3]


def test_a_start_imports_neither_tls_nor_templates_nor_a_library_for_the_log() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "sandbox", "--help"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "aiohttp.web" in loaded
    assert not loaded & {"_ssl", "jinja2", "structlog", "rich"}


def test_a_record_is_a_line_of_json_with_its_fields_and_its_error() -> None:
    fields = {"created": 1.5, "levelname": "ERROR", "msg": "%d went\nwrong", "args": (2,)}
    record = logging.makeLogRecord(fields | {"path": Path("/3/image")})
    record.exc_info = (ValueError, ValueError("why"), None)
    text = _LineFormatter().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert line.pop("exception").endswith("ValueError: why")
    assert line == {
        "timestamp": "1970-01-01T00:00:01.500000Z",
        "level": "error",
        "event": "2 went\nwrong",
        "process": "sandbox",
        "path": "PosixPath('/3/image')",
    }
