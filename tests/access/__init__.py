"""Callers and their tokens, and what they may do."""
