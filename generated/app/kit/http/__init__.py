"""Requests and responses: routing, bodies, headers, preconditions, logs and health checks."""
