"""Rules about a row."""
