"""YAML text → nodes with source locations."""
