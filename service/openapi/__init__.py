"""The service's routes as an OpenAPI 3.1 document.

The shapes come from the types that the responses are made from; this package adds what types cannot
say. Knows requests, events and middleware, and no resource.
"""
