"""An expert at work, and its files."""
