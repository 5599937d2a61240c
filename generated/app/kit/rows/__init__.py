"""The operations on the rows of a table."""
