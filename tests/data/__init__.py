"""Rows without requests: made-up ones, and dumps of databases."""
