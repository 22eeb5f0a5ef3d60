"""What no case is like is taken out of a result: loose islands, holes in slices."""
