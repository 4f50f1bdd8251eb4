"""Values as bytes: JSON, ETags, compressed documents. Knows no other package of the service."""
