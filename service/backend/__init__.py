"""What stands between the web process and the backend: circuit breaker, figures."""
