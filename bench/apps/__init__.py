"""The contenders that are written for the benchmark."""
