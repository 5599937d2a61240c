"""Specs as written → Schema, in one module per step; `steps` calls them in order."""
