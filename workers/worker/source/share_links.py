"""Share links of well-known hosts → the link of the file itself, told from the URL alone.

Only what a host documents, or hands out itself as its download link, stands in the table. A page
that is not in it is asked for the image it names (`page_images`).
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

_Direct = str | Callable[[re.Match[str]], str]
"""The link of a file: a text that names groups of the pattern, or a function of its match."""


def direct_link(wire: str, fragment: str = "") -> str | None:
    """The link of the file that a share link stands for.

    Args:
        wire: as `wire_url` gives it.
        fragment: of the URL, if any.

    Returns:
        None if it is no share link that is known. What is returned was not checked, as the URL may
        hold it as a parameter.
    """
    parts = urlsplit(wire)
    if parts.port is not None:
        return None
    host, target = (parts.hostname or "").removesuffix("."), f"{parts.path}?{parts.query}"
    if _is_wiki(host) and (shown := _match_shown_file(fragment)):
        target = f"/wiki/File:{shown[1]}?"
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


def _named(found: re.Match[str]) -> str:
    named: str = parse_qs(found["query"])[found["parameter"]][0]
    return named


# A wiki's viewer, opened above an article: `Cat#/media/Datei:Black_cat.jpg`.
_WIKI: Final = r"commons(?:\.m)?\.wikimedia\.org|[a-z-]+(?:\.m)?\.wikipedia\.org"
_is_wiki = re.compile(_WIKI, re.ASCII).fullmatch
_match_shown_file = re.compile(r"/media/[^/:]+:([^/?#]+)").fullmatch

_FILE: Final = r"(?P<path>[^?]+)\?.*"
# In other languages, `Datei:` for one; without the name of an image it may be any kind of page.
_NAMED_OTHERWISE: Final = r"[^/:?]+(?=:[^/:?]+\.(?i:jpe?g|png|gif|tiff?|webp|svg)\?)"
_REPO: Final = r"/(?P<repo>[^/]+/[^/]+)"
_GOOGLE_USER: Final = r"(?:/a/[^/]+)?(?:/u/\d+)?"

_TABLE: Final[tuple[tuple[str, str, _Direct], ...]] = (
    # Of each: the whole host name; its path, a question mark and its query; the link of the file.
    # `webContentLink` of the Drive API.
    (
        r"(?:drive|docs)\.google\.com",
        _GOOGLE_USER + r"/file/(?:u/\d+/)?d/(?P<id>[\w-]+)(?:/[^?]*)?\?(?P<query>.*)",
        _google_drive,
    ),
    (
        r"(?:drive|docs)\.google\.com",
        _GOOGLE_USER + r"/(?:open|uc)\?(?P<query>(?:.*&)?id=(?P<id>[\w-]+)(?:&.*)?)",
        _google_drive,
    ),
    # https://help.dropbox.com/share/force-download
    (r"(?:www\.|m\.)?dropbox\.com", r"(?P<path>/(?:s|scl/fi)/[^?]+)\?(?P<query>.*)", _dropbox),
    # Pages of one image; of an album or a post only the page knows the images.
    (
        r"(?:www\.|m\.|i\.)?imgur\.com",
        r"/(?P<id>[A-Za-z0-9]{5}|[A-Za-z0-9]{7})(?P<extension>\.gifv)?\?.*",
        _imgur,
    ),
    # The button "Raw" of each. The host finds out where the branch ends and the path begins.
    (r"(?:www\.)?github\.com", _REPO + "/blob/" + _FILE, "https://github.com/{repo}/raw/{path}"),
    (
        r"gitlab\.com",
        r"/(?P<project>(?:(?!/-/)[^?])+?)(?:/-)?/blob/" + _FILE,
        "https://gitlab.com/{project}/-/raw/{path}",
    ),
    (r"bitbucket\.org", _REPO + "/src/" + _FILE, "https://bitbucket.org/{repo}/raw/{path}"),
    (
        r"codeberg\.org",
        _REPO + r"/src/(?P<path>(?:branch|tag|commit)/[^?]+)\?.*",
        "https://codeberg.org/{repo}/raw/{path}",
    ),
    (
        r"huggingface\.co",
        r"/(?P<repo>(?:datasets/|spaces/)?[^/]+/[^/]+)/blob/" + _FILE,
        "https://huggingface.co/{repo}/resolve/{path}",
    ),
    # https://www.mediawiki.org/wiki/Help:Special_pages: Special:FilePath
    (
        _WIKI,
        rf"/wiki/(?:File|Image|{_NAMED_OTHERWISE}):{_FILE}",
        "https://{host}/wiki/Special:FilePath/{path}",
    ),
    # Results of a search for images, and Reddit's page around one, name the image in a parameter.
    (
        r"(?:www\.)?google\.(?:com?\.)?[a-z]{2,3}",
        r"/imgres\?(?P<query>(?:.*&)?(?P<parameter>imgurl)=http.*)",
        _named,
    ),
    (
        r"(?:www\.)?bing\.com",
        r"/images/search\?(?P<query>(?:.*&)?(?P<parameter>mediaurl)=http.*)",
        _named,
    ),
    (r"(?:www\.)?reddit\.com", r"/media\?(?P<query>(?:.*&)?(?P<parameter>url)=http.*)", _named),
)

_RULES: Final = tuple(
    (re.compile(host, re.ASCII).fullmatch, re.compile(target, re.ASCII).fullmatch, direct)
    for host, target, direct in _TABLE
)
