"""Conditions about a row, such as `starts_at < ends_at`: their tokens, tree, text and value."""
