"""Memories of support slices: encoding them, holding them, and keeping them on disk from run to run."""
