"""What was written → what it means: one module for each step, and `steps` for their order."""
