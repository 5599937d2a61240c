"""SourceTree → somewhere: a folder, an importable package, a server. Never sees the spec."""
