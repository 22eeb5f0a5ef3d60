"""The worker: a child process that computes for Slicer, spoken to by JSON lines. See docs/worker.md.

Importing this package, `protocol` or `parameters` needs nothing but Python's own library: Slicer's side does.
"""
