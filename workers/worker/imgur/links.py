"""Links to images and albums, as they are shown."""

import re

# Names and addresses of hosts; Imgur itself has neither ports nor addresses, a stand-in may.
_LINK = re.compile(
    r"(https?)://"
    r"(?=[^/]{1,253}/)([a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.?|\[[0-9a-f:.]{2,45}\])"
    r"(?::([0-9]{1,5}))?/[!-~]{1,1000}",
    re.IGNORECASE | re.ASCII,
)
_LAST_PORT = 65535


def public_link(link: object) -> str | None:
    """The link as it is shown: https for Imgur's own hosts; None if it is no web link."""
    match = _LINK.fullmatch(link) if isinstance(link, str) else None
    if match is None:
        return None
    scheme, host, port = match.groups()
    if port is not None and not 0 < int(port) <= _LAST_PORT:
        return None
    is_imgurs = port is None and f".{host.lower()}".endswith(".imgur.com")
    return ("https" if is_imgurs else scheme.lower()) + match[0][len(scheme) :]
