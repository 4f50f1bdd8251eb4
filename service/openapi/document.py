"""The OpenAPI 3.1 document."""

from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from typing_extensions import is_typeddict

from service.middleware.api_keys import is_open
from service.middleware.throttle import is_limited
from service.openapi.bodies import upload_body, workers_body
from service.openapi.responses import SCHEMAS, add_refusal, refusals
from service.openapi.routes import paths
from service.problems.problems import ProblemBody
from service.rendering import forecast_models, models
from service.settings.settings import Settings

VERSION: Final = "1.0"
"""Version of the API; the first number changes with incompatible changes."""

_BEARER: Final = {"type": "http", "scheme": "bearer"}
_HEADER: Final = {"type": "apiKey", "in": "header", "name": "X-API-Key"}

_SHAPES = (*filter(is_typeddict, (vars(models) | vars(forecast_models)).values()), ProblemBody)


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
            | {"UploadBody": upload_body(settings), "WorkersBody": workers_body(settings)},
            "responses": refusals(),
        },
    }
    _describe_admission(document, settings)
    return document


_ADMINISTRATION = frozenset({"scaleWorkers", "openUploads"})


def _describe_admission(document: dict[str, Any], settings: Settings) -> None:
    """Add which routes need a key, and which count for the rate limit."""
    for path, item in document["paths"].items():
        operations = [item[method] for method in item if method != "parameters"]
        for operation in operations:
            if settings.rate_limit is not None and is_limited(path):
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
