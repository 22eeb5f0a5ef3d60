"""Carrying segments through the target, slice by slice."""
