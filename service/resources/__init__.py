"""One resource of the API a module."""
