"""Benchmarks: crudgen and other applications, the contenders, on the same data and machine."""
