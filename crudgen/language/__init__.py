"""The spec language: YAML → Schema. Reason to change: its public API.

schema = load("entities")
text = explain(schema.entities[0])
"""

from .explain import explain
from .load import load, load_texts
from .schema import Schema
from .written.json_schema import editor_schema

__all__ = ["Schema", "editor_schema", "explain", "load", "load_texts"]
