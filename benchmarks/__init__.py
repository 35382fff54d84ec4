"""Measures this package beside the script that it replaces: ``python -m benchmarks.run --help``."""
