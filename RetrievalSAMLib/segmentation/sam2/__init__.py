"""SAM 2's own parts, called one at a time."""
