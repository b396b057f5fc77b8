"""Processes that a benchmark starts: each speaks JSON lines on its output, and takes lines on its input."""
