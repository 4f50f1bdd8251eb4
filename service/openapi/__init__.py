"""The service's routes as an OpenAPI 3.1 document.

The shapes come from the very types that the answers are made from; what is said here is what
types cannot say.
"""

from service.openapi.document import VERSION, describe

__all__ = ["VERSION", "describe"]
