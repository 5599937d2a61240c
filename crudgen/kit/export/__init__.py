"""Lists in other formats than JSON, with all matching rows."""
