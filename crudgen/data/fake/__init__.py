"""Made-up rows that are valid for a spec."""
