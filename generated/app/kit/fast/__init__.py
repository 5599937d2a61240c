"""Optimizations. They change no response."""
