"""Nodes → specs as written, each value checked alone."""
