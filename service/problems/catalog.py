"""The catalogue of problem codes, read from `problems.md` beside this file."""

import re
from pathlib import Path
from typing import Final

from service.rendering.models import ProblemExplanation

_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\d{3}) \| (.+) \| (.+) \|$", re.MULTILINE)

CATALOG: Final[dict[str, ProblemExplanation]] = {
    code: {
        "type": f"/problems/{code}",
        "code": code,
        "status": int(status),
        "when": when,
        "remedy": remedy,
    }
    for code, status, when, remedy in _ROW.findall(
        Path(__file__).with_name("problems.md").read_text("utf-8")
    )
}
"""Code → explanation."""
