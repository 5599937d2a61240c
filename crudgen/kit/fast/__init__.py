"""What exists for speed alone. Without this folder, the application gives the same responses."""
