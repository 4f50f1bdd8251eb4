"""waitress with added limits: server, connections, suspended requests. Knows no route."""
