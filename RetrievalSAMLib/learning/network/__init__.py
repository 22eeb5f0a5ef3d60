"""The network of an expert: its plan from the cases, and building it."""
