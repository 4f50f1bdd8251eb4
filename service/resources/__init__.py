"""The resources of the API, by part. Knows all packages below it; known by the app only."""
