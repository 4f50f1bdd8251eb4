"""Between the web process and the backend: circuit breaker, metrics. Knows the settings."""
