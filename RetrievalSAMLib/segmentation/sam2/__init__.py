"""SAM 2's own parts, called one at a time, and memory attention over fewer tokens."""
