"""Tools for agents, by the Model Context Protocol (MCP): the API with the caller's permissions."""

from .router import McpRouter

__all__ = ["McpRouter"]
