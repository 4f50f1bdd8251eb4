"""What a client would like (Prefer, RFC 7240), as far as it is heard here."""

import re
from typing import Final

import falcon

LONGEST_WAIT_SECONDS: Final = 30

# Of a list of preferences: `name`, `name=value` or `name="value"`, each with parameters, if any.
_PREFERENCE = re.compile(
    r'\s*(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s,;"]*)))?'
    r'(?P<parameters>(?:\s*;[^,"]*(?:"[^"]*")?)*)\s*(?:,|$)'
)
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def wanted_wait(req: falcon.Request) -> int | None:
    """The seconds that a client is ready to wait (section 4.3), `LONGEST_WAIT_SECONDS` at most.

    Returns:
        None if it said nothing of it, or nothing that makes sense, which is to be ignored
        (section 2); of several the first one counts.
    """
    text = req.get_header("Prefer") or ""
    place = 0
    while (found := _PREFERENCE.match(text, place)) and found.end() > place:
        if found["name"].lower() == "wait":
            value = found["quoted"] if found["quoted"] is not None else found["plain"] or ""
            is_number = _SECONDS.fullmatch(value) is not None
            return min(int(value), LONGEST_WAIT_SECONDS) if is_number else None
        place = found.end()
    return None


def waited_seconds(req: falcon.Request) -> float:
    """How long a request has waited because its client asked for that."""
    seconds: float = getattr(req.context, "waited_seconds", 0.0)
    return seconds
