"""Benchmarks in the lab of two providers (``tests/lab``): real routes, real outages, root."""
