"""State as JSON. Knows no HTTP server and no resource."""
