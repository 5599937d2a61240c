"""Rows of an application, without requests: made up, or read from files."""
