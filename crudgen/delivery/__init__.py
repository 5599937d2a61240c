"""Delivers a SourceTree to a folder, an importable package or a server."""
