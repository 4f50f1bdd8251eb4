"""The OpenAPI 3.1 document, with the JSON schemas of request bodies.

The schemas are necessary, not sufficient: no pattern fully describes a URL or a header.
"""

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from typing_extensions import is_typeddict

from service.middleware.api_keys import HEALTH_PATHS, is_open
from service.openapi.parts import SCHEMAS, add_refusal, refusals
from service.openapi.routes import paths
from service.problems.problems import ProblemBody
from service.rendering import forecast_models, models
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

VERSION: Final = "1.0"
"""Version of the API; the first number changes with incompatible changes."""

_BEARER: Final = {"type": "http", "scheme": "bearer"}
_HEADER: Final = {"type": "apiKey", "in": "header", "name": "X-API-Key"}

_SHAPES = [
    shape
    for shape in (*vars(models).values(), *vars(forecast_models).values(), ProblemBody)
    if is_typeddict(shape) and shape is not models.JobDetails  # a part of others
]

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

_ADMINISTRATION = frozenset({"scaleWorkers", "openUploads"})


def describe(settings: Settings) -> dict[str, Any]:
    """Return the document for a service with these settings: limits, keys and rate limit."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "imgup",
            "version": VERSION,
            "summary": "Send a list of image URLs; each image is downloaded and uploaded to Imgur.",
        },
        "paths": paths(),
        "components": {
            "schemas": _schemas()
            | {"UploadBody": _upload_body(settings), "WorkersBody": _workers_body(settings)},
            "responses": refusals(),
        },
    }
    _describe_admission(document, settings)
    return document


def _describe_admission(document: dict[str, Any], settings: Settings) -> None:
    """Add which routes need a key, and which count for the rate limit."""
    for path, item in document["paths"].items():
        operations = [item[method] for method in item if method != "parameters"]
        for operation in operations:
            if settings.rate_limit is not None and path not in HEALTH_PATHS:
                add_refusal(operation, 429)
            if operation["operationId"] in _ADMINISTRATION and settings.admin_key:
                add_refusal(operation, 401)
                operation["security"] = [{"adminBearer": []}, {"adminHeader": []}]
            elif settings.api_keys and is_open(path):
                operation["security"] = []
            elif settings.api_keys:
                add_refusal(operation, 401)
    schemes: dict[str, Any] = {}
    if settings.api_keys:
        document["security"] = [{"bearer": []}, {"header": []}]
        schemes |= {"bearer": _BEARER, "header": _HEADER}
    if settings.admin_key:
        schemes |= {"adminBearer": _BEARER, "adminHeader": _HEADER}
    if schemes:
        document["components"]["securitySchemes"] = schemes


@cache  # by far the most of the work, and the same for all settings
def _schemas() -> dict[str, Any]:
    _, found = TypeAdapter.json_schemas(
        [(shape, "serialization", TypeAdapter(shape)) for shape in _SHAPES],
        ref_template=SCHEMAS + "{model}",
        schema_generator=_PlainSchemas,
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


class _PlainSchemas(GenerateJsonSchema):
    """Generates schemas without titles that only repeat the names of fields."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema) -> bool:  # noqa: ARG002 - the parent's
        return False


def _upload_body(settings: Settings) -> dict[str, Any]:
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


def _workers_body(settings: Settings) -> dict[str, Any]:
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
            "type": "string",
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
        | {
            name: {"type": "string", "enum": list(choices)}
            for name, choices in ALBUM_CHOICES.items()
        },
        "additionalProperties": False,
        "description": "An album that is created for the job; its images are in their order.",
    }


def _url(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "pattern": _URL_PATTERN}


def _template(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "description": _TEMPLATE}
