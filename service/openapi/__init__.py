"""The service's routes as an OpenAPI 3.1 document.

The shapes come from the types that the responses are made from; this package adds what types cannot
say. Knows requests, events and middleware, and no resource.
"""

from service.openapi.document import describe
from service.openapi.routes import summaries

__all__ = ["describe", "summaries"]
