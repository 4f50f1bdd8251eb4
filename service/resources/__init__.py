"""One resource of the API a module. Knows all packages below it; known by the app only."""
