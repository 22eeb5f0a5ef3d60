"""Carrying slices that a person corrected on to those beside them."""
