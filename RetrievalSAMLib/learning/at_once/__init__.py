"""Corrections at once: slices that a person corrected teach a copy of the expert, for their volume alone."""
