"""Model weights: which there are, where they are kept, how they are fetched, checked and built.

Importing this package loads nothing heavy; `build` and `checkpoint` import PyTorch.
"""
