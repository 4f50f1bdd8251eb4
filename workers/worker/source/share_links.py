"""Share links of well-known hosts → the link of the file itself, told from the URL alone.

Only what a host documents, or hands out itself as its download link, stands in the table. A page
that is not in it is asked for the image it names (`page_images`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class _Rule:
    """One form of share link.

    Attributes:
        host: pattern of the whole host name.
        target: pattern of the whole path, a question mark, and the query.
        direct: the link of the file: a text that names groups of `target`, or a function of it.
    """

    host: str
    target: str
    direct: str | Callable[[re.Match[str]], str]


def direct_link(wire: str) -> str | None:
    """The link of the file that a share link stands for.

    Args:
        wire: as `wire_url` gives it.

    Returns:
        None if it is no share link that is known. What is returned was not checked, as the URL may
        hold it as a parameter.
    """
    parts = urlsplit(wire)
    if parts.port is not None:
        return None
    host, target = (parts.hostname or "").removesuffix("."), f"{parts.path}?{parts.query}"
    for is_host, match_target, direct in _RULES:
        if is_host(host) and (found := match_target(target)):
            link = (
                direct(found) if callable(direct) else direct.format(host=host, **found.groupdict())
            )
            return None if link == wire else link
    return None


def _google_drive(found: re.Match[str]) -> str:
    key = parse_qs(found["query"]).get("resourcekey", [""])[0]
    further = f"&resourcekey={key}" if re.fullmatch(r"[\w-]+", key, re.ASCII) else ""
    return f"https://drive.google.com/uc?export=download&id={found['id']}{further}"


def _dropbox(found: re.Match[str]) -> str:
    kept = [pair for pair in found["query"].split("&") if not re.match(r"(?:dl|raw)=|$", pair)]
    return f"https://www.dropbox.com{found['path']}?{'&'.join([*kept, 'dl=1'])}"


def _imgur(found: re.Match[str]) -> str:
    # i.imgur.com looks at the id alone; .gifv is a page around the video of a GIF.
    extension = (found["extension"] or ".jpg").replace(".gifv", ".gif")
    return f"https://i.imgur.com/{found['id']}{extension}"


def _named_by(parameter: str) -> Callable[[re.Match[str]], str]:
    def link(found: re.Match[str]) -> str:
        named: str = parse_qs(found["query"])[parameter][0]
        return named

    return link


_GOOGLE: Final = r"(?:www\.)?google\.(?:com?\.)?[a-z]{2,3}"

_TABLE: Final = (
    # `webContentLink` of the Drive API.
    _Rule(
        r"(?:drive|docs)\.google\.com",
        r"/file/(?:u/\d+/)?d/(?P<id>[\w-]+)(?:/[^?]*)?\?(?P<query>.*)",
        _google_drive,
    ),
    _Rule(
        r"(?:drive|docs)\.google\.com",
        r"/(?:open|uc)\?(?P<query>(?:.*&)?id=(?P<id>[\w-]+)(?:&.*)?)",
        _google_drive,
    ),
    # https://help.dropbox.com/share/force-download
    _Rule(
        r"(?:www\.|m\.)?dropbox\.com",
        r"(?P<path>/(?:s|scl/fi)/[^?]+)\?(?P<query>.*)",
        _dropbox,
    ),
    # Pages of one image; of an album or a post only the page knows the images.
    _Rule(
        r"(?:www\.|m\.|i\.)?imgur\.com",
        r"/(?P<id>[A-Za-z0-9]{5}|[A-Za-z0-9]{7})(?P<extension>\.gifv)?\?.*",
        _imgur,
    ),
    # The button "Raw" of each. The host finds out where the branch ends and the path begins.
    _Rule(
        r"(?:www\.)?github\.com",
        r"/(?P<repo>[^/]+/[^/]+)/blob/(?P<path>[^?]+)\?.*",
        "https://github.com/{repo}/raw/{path}",
    ),
    _Rule(
        r"gitlab\.com",
        r"/(?P<project>[^?]+)/-/blob/(?P<path>[^?]+)\?.*",
        "https://gitlab.com/{project}/-/raw/{path}",
    ),
    _Rule(
        r"bitbucket\.org",
        r"/(?P<repo>[^/]+/[^/]+)/src/(?P<path>[^?]+)\?.*",
        "https://bitbucket.org/{repo}/raw/{path}",
    ),
    _Rule(
        r"codeberg\.org",
        r"/(?P<repo>[^/]+/[^/]+)/src/(?P<path>(?:branch|tag|commit)/[^?]+)\?.*",
        "https://codeberg.org/{repo}/raw/{path}",
    ),
    _Rule(
        r"huggingface\.co",
        r"/(?P<repo>(?:datasets/|spaces/)?[^/]+/[^/]+)/blob/(?P<path>[^?]+)\?.*",
        "https://huggingface.co/{repo}/resolve/{path}",
    ),
    # https://www.mediawiki.org/wiki/Help:Special_pages: Special:FilePath
    _Rule(
        r"commons\.wikimedia\.org|[a-z-]+\.wikipedia\.org",
        r"/wiki/(?:File|Image):(?P<name>[^?]+)\?.*",
        "https://{host}/wiki/Special:FilePath/{name}",
    ),
    # Results of a search for images, which name the image in a parameter.
    _Rule(_GOOGLE, r"/imgres\?(?P<query>(?:.*&)?imgurl=http.*)", _named_by("imgurl")),
    _Rule(
        r"(?:www\.)?bing\.com",
        r"/images/search\?(?P<query>(?:.*&)?mediaurl=http.*)",
        _named_by("mediaurl"),
    ),
)

_RULES: Final = tuple(
    (
        re.compile(rule.host, re.ASCII).fullmatch,
        re.compile(rule.target, re.ASCII).fullmatch,
        rule.direct,
    )
    for rule in _TABLE
)
