"""The client's preferences (Prefer, RFC 7240): only `wait` is supported."""

import re
from typing import Final

import falcon

LONGEST_WAIT_SECONDS: Final = 30

# An entry of the list: `name`, `name=value` or `name="value"`, with optional parameters.
_PREFERENCE = re.compile(
    r'\s*(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s,;"]*)))?'
    r'(?P<parameters>(?:\s*;[^,"]*(?:"[^"]*")?)*)\s*(?:,|$)'
)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def wanted_wait(req: falcon.Request) -> int | None:
    """Return the seconds to wait (section 4.3), `LONGEST_WAIT_SECONDS` at most.

    Returns:
        None without a valid preference; an invalid one is ignored (section 2), and the first of
        several counts.
    """
    text = req.get_header("Prefer") or ""
    position = 0
    while (found := _PREFERENCE.match(text, position)) and found.end() > position:
        if found["name"].lower() == "wait":
            value = found["quoted"] if found["quoted"] is not None else found["plain"] or ""
            is_number = _SECONDS.fullmatch(value) is not None
            return min(int(value), LONGEST_WAIT_SECONDS) if is_number else None
        position = found.end()
    return None
