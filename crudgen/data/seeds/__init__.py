"""Rows that YAML files describe, and their storage."""
