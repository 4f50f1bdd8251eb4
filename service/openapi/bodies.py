"""JSON schemas of request bodies, for the OpenAPI document.

Necessary, not sufficient: no pattern fully describes a URL or a header.
"""

from typing import Any, Final

from service.requests.upload_options import (
    ALBUM_CHOICES,
    LONGEST_CALLBACK,
    LONGEST_DESCRIPTION,
    LONGEST_HEADER_NAME,
    LONGEST_TITLE,
    MAX_HEADERS,
    MAX_ORIGINS,
)
from service.settings.settings import Settings
from workers import ALBUM_PATTERN, MAX_URL_LENGTH, PLACEHOLDERS, Priority

_URL_PATTERN: Final = r"^[\x00-\x20]*[Hh][Tt][Tt][Pp][Ss]?:/"
_DATA_URL: Final = {
    "type": "string",
    "pattern": r"^[\x00-\x20]*[Dd][Aa][Tt][Aa]:[^,]*,",
    "description": "The image itself; shown shortened from then on.",
}
_TEMPLATE: Final = (
    f"May hold {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}; {{{{ and }}}} are braces."
)
_EXAMPLE_URLS: Final = [
    "https://farm3.staticflickr.com/2879/11234651086_681b3c2c00_b_d.jpg",
    "https://farm4.staticflickr.com/3790/11244125445_3c2f32cd83_k_d.jpg",
]


def upload_body(settings: Settings) -> dict[str, Any]:
    """Return the schema of an upload request, with the limits of the settings."""
    urls = {
        "type": "array",
        "items": {"anyOf": [_url(MAX_URL_LENGTH), _DATA_URL]},
        "minItems": 1,
        "maxItems": settings.max_urls_per_job,
        "description": "Image URLs; of those that are the same text, one is taken. Data URLs "
        "are the same when their bytes are.",
    }
    examples = [
        {"urls": _EXAMPLE_URLS},
        {"urls": _EXAMPLE_URLS, "title": "{number} of {count}", "priority": "low"},
    ]
    return _object("urls", {"urls": urls} | _options(), *examples)


def workers_body(settings: Settings) -> dict[str, Any]:
    """Return the schema of a change of the number of workers, with the settings' limit."""
    count = {
        "type": "integer",
        "minimum": 1,
        "maximum": settings.max_workers,
        "description": "Workers there should be from now on.",
    }
    return _object("count", {"count": count}, {"count": 4})


def _object(required: str, properties: dict[str, Any], *examples: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [required],
        "additionalProperties": False,
        "examples": list(examples),
    }


def _options() -> dict[str, Any]:
    headers = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_HEADERS,
        "propertyNames": {"maxLength": LONGEST_HEADER_NAME, "pattern": "^[!#-'*+.^-z|~0-9A-Z-]+$"},
        "additionalProperties": {"type": "string", "pattern": "^[!-~]([\\t -~]*[!-~])?$"},
    }
    album_id = {
        "type": "string",
        "pattern": ALBUM_PATTERN,
        "description": "Id, or deletehash, of the album, in place of IMGUR_ALBUM.",
    }
    return {
        "album": {"anyOf": [album_id, _new_album()]},
        "title": _template(LONGEST_TITLE),
        "description": _template(LONGEST_DESCRIPTION),
        "priority": {
            "enum": [priority.value for priority in Priority],
            "default": Priority.NORMAL.value,
            "description": "The job's share of the workers beside others.",
        },
        "sourceHeaders": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": MAX_ORIGINS,
            "propertyNames": {"pattern": _URL_PATTERN},
            "additionalProperties": headers,
            "description": "By origin: headers sent to it and to no other. Some are refused.",
        },
        "callbackUrl": _url(LONGEST_CALLBACK)
        | {"description": "Receives a webhook when the job is complete."},
        "convert": {
            "type": "boolean",
            "default": True,
            "description": "Whether images that Imgur would refuse are converted.",
        },
        "resolvePages": {
            "type": "boolean",
            "description": "Whether links to pages are followed to the image that the page names, "
            "in place of PAGES.",
        },
    }


def _new_album() -> dict[str, Any]:
    texts = {"title": LONGEST_TITLE, "description": LONGEST_DESCRIPTION}
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "minLength": 1, "maxLength": longest}
            for name, longest in texts.items()
        }
        | {name: {"enum": list(choices)} for name, choices in ALBUM_CHOICES.items()},
        "additionalProperties": False,
        "description": "An album that is created for the job; its images are in their order.",
    }


def _url(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "pattern": _URL_PATTERN}


def _template(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": _TEMPLATE}
