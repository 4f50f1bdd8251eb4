"""Every code that a problem of this service can have, explained once: in `problems.md` beside this
file, which people read as it is.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\d{3}) \| (.+) \| (.+) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One kind of problem.

    Attributes:
        code: the last part of a problem's `type`, and its `code`.
        status: the HTTP status that comes with it.
        when: what has happened.
        remedy: what whoever sent the request can do.
    """

    code: str
    status: HTTPStatus
    when: str
    remedy: str


CATALOG: Final = {
    code: Explanation(code, HTTPStatus(int(status)), when, remedy)
    for code, status, when, remedy in _ROW.findall(
        Path(__file__).with_name("problems.md").read_text("utf-8")
    )
}
"""By code."""
