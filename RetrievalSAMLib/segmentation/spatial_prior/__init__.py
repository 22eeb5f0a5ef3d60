"""Where segments are expected: cases aligned to the target, their masks laid over it, and close views of it."""
