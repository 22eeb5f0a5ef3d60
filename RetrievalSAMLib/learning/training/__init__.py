"""Training: runs that do not know their case, examples from them, patches, and the loop."""
