"""The environment as one frozen object. Knows no other package of the service."""
