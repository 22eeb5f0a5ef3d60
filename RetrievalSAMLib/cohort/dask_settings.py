"""Settings of Dask that a batch changes, whoever works."""

FAILURES, LIVES = "distributed.scheduler.allowed-failures", 5
"""Of how many processes a volume may be lost with before it counts as failed, and our value."""

THREADS = "distributed.nanny.pre-spawn-environ"
"""With which environment a worker begins: one thread, unless it is told otherwise."""
