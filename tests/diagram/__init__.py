"""Diagrams: what they show, where it is, Mermaid and SVG."""
