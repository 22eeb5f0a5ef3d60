"""Segments as masks on a volume's grid: read, kept, compared, written, and what the user draws in them."""
