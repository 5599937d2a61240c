"""YAML text → Schema. Changes when another stage needs something else of the language.

schema = load("entities")
text = explain(schema.entities[0])
"""

from .explain import explain
from .files import load, load_texts
from .json_schema import editor_schema
from .schema import Schema

__all__ = ["Schema", "editor_schema", "explain", "load", "load_texts"]
