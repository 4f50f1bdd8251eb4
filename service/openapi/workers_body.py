"""The body of a request for another number of workers as a JSON schema."""

from typing import Any

from service.settings import Settings


def workers_body(settings: Settings) -> dict[str, Any]:
    """The schema, with the limit of these settings."""
    count = {
        "type": "integer",
        "minimum": 1,
        "maximum": settings.most_workers,
        "description": "Workers there should be from now on.",
    }
    return {
        "type": "object",
        "properties": {"count": count},
        "required": ["count"],
        "additionalProperties": False,
        "examples": [{"count": 4}],
    }
