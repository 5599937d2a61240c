"""The operations on the rows of one table."""
