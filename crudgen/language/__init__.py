"""The spec language: YAML → Schema. Reason to change: its public API.

schema = load("entities")
text = explain(schema.entities[0])
"""

from .explain import explain
from .load import SUFFIXES, load, load_texts, read
from .schema import Schema
from .written.json_schema import editor_schema

__all__ = ["SUFFIXES", "Schema", "editor_schema", "explain", "load", "load_texts", "read"]
