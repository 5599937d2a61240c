"""How a database follows its spec. Reason to change: its public API."""
