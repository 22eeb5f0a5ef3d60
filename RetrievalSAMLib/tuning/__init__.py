"""Settings and confidence fitted to a model on the cases of a library."""
