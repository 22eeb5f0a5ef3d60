"""How long a test waits for what is bound to come: no test judges by the clock of a computer that may be busy."""

PATIENCE = 600.0
"""In seconds; only what hangs takes so long, also where many processes share a processor."""
